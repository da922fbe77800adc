// Package saml reads SAML 2.0 as AWS's federation uses it: the metadata of an identity provider, and the responses that it
// signs.
//
// A response holds exactly one assertion. It counts if the assertion itself or the response around it is signed with a key
// from the metadata; a signature that does not hold is refused even where another one does. What is read is read from the
// very elements that were checked (package xmldsig), so nothing can be wrapped around them. An encrypted assertion is
// decrypted first, then judged in the same way.
//
// The package knows neither clock nor audience: times and names are handed to the caller, who judges them.
package saml
