package s3

import (
	"encoding/json"
	"errors"
	"fmt"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/blob/seal"
	"drydock/store"
)

// resealed is content that was copied under another key, for a replica.
type resealed struct {
	encryption
	contentID string
	segments  []segment
}

// replicatesKMS tells whether a rule sends objects that are encrypted under keys of KMS.
func replicatesKMS(r *api.ReplicationRule) bool {
	c := r.SourceSelectionCriteria
	return c != nil && c.SSEKMSEncryptedObjects != nil && c.SSEKMSEncryptedObjects.Status == api.SSEKMSEncryptedObjectsStatusEnabled
}

// reseal copies an object's segments, each for itself, from under its key of KMS to under the key that the rule names for
// replicas. The caller needs both.
func (s *Service) reseal(call *aws.Call, from, to *bucket, o *object, rule *api.ReplicationRule) (_ *resealed, err error) {
	source, err := s.ring(call, from, &o.encryption, customerKey{})
	if err != nil {
		return nil, refused(err)
	}
	r := &resealed{contentID: call.NewHex(32), encryption: encryption{SSE: o.SSE, BucketKey: o.BucketKey}}
	context := map[string]string{arnContext: to.arn()}
	if !r.BucketKey {
		context[arnContext] += "/" + o.Key
	}
	text, err := json.Marshal(context)
	if err != nil {
		return nil, fmt.Errorf("encryption context: %w", err)
	}
	r.Context = string(text)
	target, err := s.newDataKey(call, to, *rule.Destination.EncryptionConfiguration.ReplicaKMSKeyID, &r.encryption)
	if err != nil {
		return nil, refused(err)
	}
	var segments []segment
	err = s.DB.View(call, func(tx *store.Tx) error {
		segments, err = o.segments(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range segments {
		next, err := s.resealSegment(call, &segments[i], source, target, o.Sum.Algorithm)
		if err != nil {
			s.discard(call, r.segments...)
			return nil, err
		}
		r.segments = append(r.segments, next)
	}
	return r, nil
}

// refused makes an error that AWS words the end of the attempts.
func refused(err error) error {
	if aws.ErrorCode(err) != "" {
		return &failure{"KMSKeyNotUsable: " + err.Error()}
	}
	return err
}

func (s *Service) resealSegment(call *aws.Call, g *segment, source, target *seal.RootKey, sum api.ChecksumAlgorithm) (next segment, err error) {
	body, err := s.open(call, []segment{*g}, source, 0, g.Size)
	if err != nil {
		return next, err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	got, err := s.receive(call, body, target, &declaration{}, sum)
	if err != nil {
		return next, err
	}
	next = got.segment
	next.Number, next.Sum = g.Number, g.Sum
	return next, nil
}
