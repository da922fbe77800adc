package aws

// Header is the value of an Error's field that a REST protocol sends as the HTTP header of the field's name, and not in
// the body, as S3's x-amz-delete-marker and x-amz-bucket-region. The empty string is not sent.
type Header string
