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
// A client in Go then calls every operation that is carried out, through the gateway and with the policies of real users:
// as a user without policies, as nobody, as the administrator of another account; with inputs that are not valid; for
// things that do not exist. What is answered has to be the service's error, and never an internal failure. Exceptions are
// tables with reasons. What operations want to exist before they authorize, or to be valid beyond the model, is named in
// fixture_test.go: there a new service adds what it needs. What is there already, or stands in the way, is made case by
// case: each operation that makes or names something and each modelled error of that kind has to have a case, with AWS's
// code, status and message, or a reason in exists_test.go why there is none.
//
// Both sides fill structures by the same rules, which stand in fill_test.go.
package protocoltest
