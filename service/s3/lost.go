package s3

import (
	"errors"
	"net/http"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/store"
)

// errLost is behind the error of an object that was lost, which has the code of a delete marker's.
var errLost = errors.New("the object's bytes are lost")

// lost is the answer to requests for an object that its storage has lost. "Reduced Redundancy Storage" of the S3 User Guide
// has it for that class; for ONEZONE_IA nothing is documented, so it is the same.
func (o *object) lost() error {
	if !o.Lost {
		return nil
	}
	return aws.NewError(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.").
		With("ResourceType", "OBJECT").WithCause(errLost)
}

// lose is a fault: the storage of the latest version of "key" in "bucket" loses it, as that of REDUCED_REDUNDANCY may.
func (s *Service) lose(call *aws.Call, arguments map[string]string) error {
	return s.DB.Update(call, func(tx *store.Tx) error {
		b, err := findBucket(tx, call, arguments["bucket"], nil)
		if err != nil {
			return err
		}
		o, err := s.find(tx, b, arguments["key"], nil)
		if err != nil {
			return err
		}
		if o.Class != string(api.StorageClassReducedRedundancy) {
			return invalidRequest("Only objects of the storage class REDUCED_REDUNDANCY are lost.")
		}
		if err := s.loseBytes(tx, o); err != nil {
			return err
		}
		if err := s.notify(tx, b, changeOf(b, o, string(api.EventS3ReducedRedundancyLostObject), nil)); err != nil {
			return err
		}
		return s.rewrite(tx, b, o)
	})
}
