// Package task runs everything that happens later. A task is a row in the store, (kind, key, due), written in the same
// transaction as the state that asked for it. When the cloud's clock reaches its due time, the kind's reconciler looks
// at the state, takes one step, commits, and says when to look again. Reconcilers are level-triggered and idempotent: a
// process that died between the step and the next look simply looks again.
//
// One task runs at a time for each key. A task that fails is run again after a growing pause on the cloud's clock.
package task
