package s3

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"drydock/aws"
	"drydock/bus"
	"drydock/store"
)

// servicePrincipal is as whom S3 acts for itself.
const servicePrincipal = "s3.amazonaws.com"

// change is something that happened to an object, for those who are to be told.
type change struct {
	// event is the event's name with its "s3:".
	event, key string
	// version is the version id, empty where the bucket keeps no versions.
	version, etag string
	size          *int64
	seq           int64
	// call is the request that made the change; nil for the service itself.
	call *aws.Call
	// replication is said of replication events, restored of completed restores.
	replication *replicationEvent
	restored    *restoredEvent
}

// changeOf is a change of a version.
func changeOf(b *bucket, o *object, event string, call *aws.Call) *change {
	c := &change{event: event, key: o.Key, version: text(o.shownVersion(b)), seq: o.Seq, call: call}
	if !o.Marker {
		c.size, c.etag = new(o.Size), o.ETag
	} else {
		c.etag = emptyETag
	}
	return c
}

// emptyETag is that of no bytes, which S3 tells of delete markers.
const emptyETag = "d41d8cd98f00b204e9800998ecf8427e"

// Events as JSON: "Event message structure" of the S3 User Guide.
type (
	eventMessage struct {
		Records []eventRecord
	}
	eventRecord struct {
		Version           string            `json:"eventVersion"`
		Source            string            `json:"eventSource"`
		Region            string            `json:"awsRegion"`
		Time              string            `json:"eventTime"`
		Name              string            `json:"eventName"`
		UserIdentity      eventIdentity     `json:"userIdentity"`
		RequestParameters map[string]string `json:"requestParameters"`
		ResponseElements  map[string]string `json:"responseElements"`
		S3                eventS3           `json:"s3"`
		Replication       *replicationEvent `json:"replicationEventData,omitempty"`
		Glacier           *glacierEvent     `json:"glacierEventData,omitempty"`
	}
	eventIdentity struct {
		PrincipalID string `json:"principalId"`
	}
	eventS3 struct {
		SchemaVersion   string      `json:"s3SchemaVersion"`
		ConfigurationID string      `json:"configurationId"`
		Bucket          eventBucket `json:"bucket"`
		Object          eventObject `json:"object"`
	}
	eventBucket struct {
		Name  string        `json:"name"`
		Owner eventIdentity `json:"ownerIdentity"`
		ARN   string        `json:"arn"`
	}
	eventObject struct {
		Key       string `json:"key"`
		Size      *int64 `json:"size,omitempty"`
		ETag      string `json:"eTag,omitempty"`
		VersionID string `json:"versionId,omitempty"`
		Sequencer string `json:"sequencer"`
	}
	glacierEvent struct {
		Restore restoredEvent `json:"restoreEventData"`
	}
	// restoredEvent is what is told of a restored copy.
	restoredEvent struct {
		Expires string `json:"lifecycleRestorationExpiryTime"`
		Class   string `json:"lifecycleRestoreStorageClass"`
	}
	// replicationEvent is what is told of a replication that failed or was late.
	replicationEvent struct {
		Rule      string `json:"replicationRuleId"`
		Bucket    string `json:"destinationBucket"`
		Operation string `json:"s3Operation"`
		Requested string `json:"requestTime"`
		Reason    string `json:"failureReason,omitempty"`
	}
)

// eventTime is how events write times.
const eventTime = "2006-01-02T15:04:05.000Z"

// eventVersion is the version of the message's structure, which differs by what is told.
func eventVersion(name string) string {
	switch group, _, _ := strings.Cut(name, ":"); group {
	case "ObjectCreated", "ObjectRemoved", "ReducedRedundancyLostObject":
		return "2.1"
	case "Replication":
		return "2.2"
	case "ObjectRestore":
		if !strings.HasSuffix(name, ":Delete") {
			return "2.1"
		}
	}
	return "2.3"
}

// notify tells the listeners of a bucket what happened, once the transaction commits.
func (s *Service) notify(tx *store.Tx, b *bucket, c *change) error {
	if !b.Notifies {
		return nil
	}
	settings, err := configs.Get(tx, store.K(b.ID))
	if err != nil {
		return err
	}
	for i := range settings.Listeners {
		l := &settings.Listeners[i]
		if !l.hears(c.event, c.key) || !s.Bus.Accepts(l.ARN) {
			continue
		}
		payload, err := json.Marshal(eventMessage{[]eventRecord{s.record(b, l, c)}})
		if err != nil {
			return fmt.Errorf("event %s: %w", c.event, err)
		}
		if err := s.send(tx, b, l, payload); err != nil {
			return err
		}
	}
	return nil
}

// record is an event as one listener gets it.
func (s *Service) record(b *bucket, l *listener, c *change) eventRecord {
	name := strings.TrimPrefix(c.event, "s3:")
	r := eventRecord{
		Version: eventVersion(name), Source: "aws:s3", Region: b.Region, Time: s.Clock.Now().UTC().Format(eventTime), Name: name,
		UserIdentity: eventIdentity{servicePrincipal}, RequestParameters: map[string]string{"sourceIPAddress": servicePrincipal},
		ResponseElements: map[string]string{"x-amz-request-id": "", "x-amz-id-2": ""}, Replication: c.replication,
	}
	if c.restored != nil {
		r.Glacier = &glacierEvent{*c.restored}
	}
	if c.call != nil {
		r.UserIdentity.PrincipalID = requesterID(&c.call.Principal)
		r.RequestParameters["sourceIPAddress"] = c.call.Request.SourceIP
		r.ResponseElements = map[string]string{"x-amz-request-id": c.call.RequestID, "x-amz-id-2": c.call.RequestID}
	}
	r.S3 = eventS3{
		SchemaVersion: "1.0", ConfigurationID: l.ID, Bucket: eventBucket{b.Name, eventIdentity{canonicalID(b.Account)}, b.arn()},
		Object: eventObject{Key: url.QueryEscape(c.key), Size: c.size, ETag: c.etag, VersionID: c.version, Sequencer: fmt.Sprintf("%016X", c.seq)},
	}
	return r
}

// requesterID is how events name a caller.
func requesterID(p *aws.Principal) string {
	switch p.Type {
	case aws.PrincipalAnonymous, "":
		return "Anonymous"
	case aws.PrincipalService:
		return p.Name
	case aws.PrincipalRoot, aws.PrincipalUser, aws.PrincipalAssumedRole, aws.PrincipalFederatedUser:
	}
	return "AWS:" + p.ID
}

// send puts a message for a listener into the outbox.
func (s *Service) send(tx *store.Tx, b *bucket, l *listener, payload []byte) error {
	return s.Bus.Send(tx, bus.Delivery{
		Target: l.ARN, Source: servicePrincipal, SourceARN: b.arn(), Account: b.Account, Region: b.Region, Payload: payload,
		Attributes: map[string]string{"Subject": "Amazon S3 Notification"},
	})
}

// sendTest tells a new listener that it will be told.
func (s *Service) sendTest(tx *store.Tx, b *bucket, l *listener, call *aws.Call) error {
	payload, err := json.Marshal(struct {
		Service, Event, Time, Bucket string
		RequestID                    string `json:"RequestId"`
		HostID                       string `json:"HostId"`
	}{
		"Amazon S3", "s3:TestEvent", s.Clock.Now().UTC().Format(eventTime), b.Name, call.RequestID, call.RequestID,
	})
	if err != nil {
		return fmt.Errorf("test event: %w", err)
	}
	return s.send(tx, b, l, payload)
}

// createdBy names the event of an object that an operation made.
func createdBy(call *aws.Call) string {
	name := "Put"
	if call.Operation != nil {
		switch call.Operation.Name {
		case "CopyObject":
			name = "Copy"
		case "CompleteMultipartUpload":
			name = "CompleteMultipartUpload"
		}
	}
	return "s3:ObjectCreated:" + name
}

// deleted tells what a request to delete did, and has a delete marker replicated.
func (s *Service) deleted(tx *store.Tx, b *bucket, key, version string, did removed, call *aws.Call) error {
	return s.removedAs(tx, b, key, version, did, "s3:ObjectRemoved:", call)
}

// removedAs tells of a removal by the name of a group of events.
func (s *Service) removedAs(tx *store.Tx, b *bucket, key, version string, did removed, group string, call *aws.Call) error {
	created := did.marker && version == ""
	if created && b.Replicates && call != nil {
		if err := s.replicateMarker(tx, b, key); err != nil {
			return err
		}
	}
	if !b.Notifies || !did.changed {
		return nil
	}
	c := &change{event: group + "Delete", key: key, version: did.version, seq: s.Clock.Now().UnixNano(), call: call}
	if created {
		c.event, c.etag = group+"DeleteMarkerCreated", emptyETag
	}
	return s.notify(tx, b, c)
}
