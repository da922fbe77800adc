package s3

import (
	"fmt"
	"net/http"

	api "drydock/api/s3"
	"drydock/aws"
)

// Errors that the model does not have, in the words of "Error responses" of the S3 API Reference.

func noSuchBucket(name string) *aws.Error {
	return api.NewNoSuchBucket("The specified bucket does not exist").With("BucketName", name)
}

func noSuchKey(key string) *aws.Error {
	return api.NewNoSuchKey("The specified key does not exist.").With("Key", key)
}

func noSuchVersion(key, version string) *aws.Error {
	return aws.NewError(http.StatusNotFound, "NoSuchVersion", "The specified version does not exist.").With("Key", key).With("VersionId", version)
}

func noSuchUpload(id string) *aws.Error {
	return api.NewNoSuchUpload("The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.").With("UploadId", id)
}

func accessDenied() *aws.Error { return api.NewAccessDenied("Access Denied") }

func invalidArgument(name, value, format string, args ...any) *aws.Error {
	return aws.NewError(http.StatusBadRequest, "InvalidArgument", format, args...).With("ArgumentName", name).With("ArgumentValue", value)
}

func invalidRequest(format string, args ...any) *aws.Error {
	return api.NewInvalidRequest(format, args...)
}

func malformedXML() *aws.Error {
	return aws.NewError(http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
}

func preconditionFailed(condition string) *aws.Error {
	return aws.NewError(http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold").With("Condition", condition)
}

// notImplemented says which part of a request drydock does not carry out; AWS uses the code for headers that imply
// functionality it does not have.
func notImplemented(format string, args ...any) *aws.Error {
	return aws.NewError(http.StatusNotImplemented, "NotImplemented", "drydock does not implement %s.", fmt.Sprintf(format, args...))
}

func entityTooLarge(proposed, limit int64) *aws.Error {
	return aws.NewError(http.StatusBadRequest, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size").
		With("ProposedSize", proposed).With("MaxSizeAllowed", limit)
}

func keyTooLong(key string) *aws.Error {
	return aws.NewError(http.StatusBadRequest, "KeyTooLongError", "Your key is too long").With("Size", len(key)).With("MaxSizeAllowed", maxKey)
}

// missingConfiguration is what reading a configuration answers that was never set.
func missingConfiguration(code, bucket, message string) *aws.Error {
	return aws.NewError(http.StatusNotFound, code, "%s", message).With("BucketName", bucket)
}

// ignoreMissing makes deleting what is not there a success.
func ignoreMissing(err error) error {
	if aws.IsError(err, "NoSuchVersion") {
		return nil
	}
	return err
}
