// Package protocoltest holds every operation of every service against its protocols.
//
// Inputs come from a real client: testdata/requests has, for each operation of each API, the requests that botocore's
// serializers make of an input with every member set, and of one with the required members only. The tests route and
// decode them and compare the result with the same input filled in Go. Outputs and errors of the implemented operations
// are filled likewise, encoded, and kept in testdata/snapshots, so that no change of the wire format goes unseen:
//
//	go test ./app/protocoltest -update
//
// rewrites the snapshots. What is read and written by hand, where botocore is installed (the version is in the script):
//
//	python3 app/protocoltest/testdata/botocore_vectors.py            # makes the requests
//	python3 app/protocoltest/testdata/botocore_vectors.py -check     # parses the snapshots as a client does
//
// Both sides fill structures by the same rules, which stand in fill_test.go.
package protocoltest
