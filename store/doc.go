// Package store keeps the cloud's state: an ordered, transactional key-value store with typed tables on top.
//
// View sees one snapshot. Update is serializable: it is optimistic, its reads (points and ranges, so there are no
// phantoms) are checked when it commits, and it is run again after a conflict. A function given to Update may therefore
// run more than once and must do nothing but through its Tx. An Update that returned nil is on disk.
package store
