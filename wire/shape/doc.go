// Package shape reads the generated structures' tags once per type into plans that the codecs of package wire walk, and
// validates inputs against the model's constraints in AWS's wording. It knows no protocol and no service.
//
// # Go types of the generated structures
//
//	model                                    Go
//	structure, optional or recursive         *Struct
//	structure, required                      Struct (a pointer where the type would contain itself)
//	list<E>                                  []E; an element is a value, never a pointer (also a structure)
//	map<string,V>                            map[K]V with K a string or enum type; values are never pointers
//	string, optional / required              *string / string
//	enum string, optional / required         *Enum / Enum, with "type Enum string" and func (Enum) Values() []string
//	boolean                                  *bool / bool
//	integer, long                            *int32, *int64 / int32, int64
//	float, double                            *float32, *float64 / float32, float64
//	timestamp                                *time.Time / time.Time
//	blob                                     []byte
//	streaming blob, input                    io.Reader
//	streaming blob, output                   io.ReadCloser (a nil one is an empty body)
//	document, or a structure with document   any (as JSON decodes it)
//	event stream, output                     aws.EventStream
//	event stream, input                      aws.EventStream
//
// In output structures and the structures only they reach, "required" decides nothing: scalars are pointers unless the
// model requires them, as in inputs, so that one structure type serves both directions.
//
// # The tag
//
// Every field has a tag `aws:"NAME,option,option=value,..."`. NAME is the wire name: the model's locationName, or the
// member's own name. Options:
//
//	member=M         the member's name in the model, where NAME differs from it (messages and grants use it)
//	required         the client must send it
//	header           NAME is an HTTP header;  headers: NAME is the prefix of headers that make a map
//	uri, query       NAME is a label of the URI, or a query parameter
//	status           the response's HTTP status
//	payload          the member is the whole body;  stream: it is not read into memory
//	flat             the list or map has no element around its members
//	item=I           element name of a list's members (default "member")
//	key=K,value=V    element names of a map's entries (default "key", "value")
//	entry=E          element name around a map's entry (default "entry")
//	attr             an XML attribute
//	ns=URI,nsprefix=P   the XML namespace of the element; the same two as itemns, itemnsprefix for a list's members
//	qname=Q          the name in the query and ec2 protocols, where it differs from NAME
//	ts=F             timestamp format unixTimestamp, iso8601 or rfc822, where it is not the location's default
//	json             a string member that is JSON, in base64 where it is a header (jsonvalue)
//	token            an idempotency token: filled with a UUID when the client sent none
//	host             the member fills a label of the operation's HostPrefix
//	sensitive        never logged
//	deprecated       kept for clients that still send it
//	eventheader, eventpayload   the member's place in an event
//	min=N,max=N      length of a string, blob, list or map; value of a number
//	each.OPTION      the option for the elements of a list or the values of a map (each.min, each.max, each.item,
//	                 each.flat, each.ts ...; each.each.* below those);  key.min, key.max: for the keys of a map
//
// Patterns stand in keys of their own, because they contain commas: `pattern:"..."`, `eachpattern:"..."`,
// `keypattern:"..."`; an enum is known by its type's Values method.
//
// A blank first field describes the structure: `_ struct{} `aws:"shape=NAME,..."“ with
//
//	shape=NAME       the model's name of the structure, where it differs from the Go name
//	root=NAME        the element an XML document of this structure has, ns=URI its namespace
//	payload=MEMBER   the member that is the whole body
//	union            exactly one member is set
//	error=CODE       the structure is an exception with this code
//	stream           the structure is the union of an event stream's events
//	result           an XML payload is the structure's members themselves
//	obsolete=E       an XML element that the structure once had, which is read and means nothing; may be repeated
package shape
