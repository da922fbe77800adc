// Package wiretest checks the codecs against the test vectors of the AWS models. The packages below it hold the vectors'
// types, testdata the cases; both are made by the generator from the protocol_tests folder of github.com/aws/aws-sdk-go.
package wiretest

//go:generate go run ./generate
