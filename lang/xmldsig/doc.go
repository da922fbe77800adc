// Package xmldsig reads XML documents into a small tree, brings parts of it into exclusive canonical form, checks the
// signatures on them (XML Signature 1.1) and opens what is encrypted in them (XML Encryption 1.1), as far as SAML needs it.
//
// What it refuses is as important as what it does. There are no document types, no entities but XML's own five, no
// processing instructions; the same ID on two elements is an error. A signature counts only for the element that it is a
// child of, with the enveloped-signature and exclusive canonicalization transforms, with one reference, by RSA or ECDSA with
// a key that the caller trusts: what the signature says of its own key is not read. The tree that was checked is the tree
// that the caller reads, so no second parser can see another document.
package xmldsig
