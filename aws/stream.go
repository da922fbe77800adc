package aws

import "iter"

// EventStream is the output member of an operation that answers with a stream of events. Each event is a pointer to the
// stream's generated union structure with exactly one member set. Iteration ends the stream; an *Error ends it with a
// modelled exception.
type EventStream = iter.Seq2[any, error]
