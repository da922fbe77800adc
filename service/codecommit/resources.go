package codecommit

import (
	"cmp"
	"errors"
	"reflect"
	"slices"
	"strings"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/resource"
	"drydock/store"
)

func (s *Service) resourceTypes() []resource.Type {
	return []resource.Type{{
		Name:              "AWS::CodeCommit::Repository",
		PrimaryIdentifier: []string{"Id"},
		ReadOnly:          []string{"Id", "Arn", "Name", "CloneUrlHttp", "CloneUrlSsh"},
		Create:            s.createRepositoryResource,
		Read:              s.readRepositoryResource,
		Update:            s.updateRepositoryResource,
		Delete:            s.deleteRepositoryResource,
		List:              listRepositoryResources,
	}}
}

// repositoryProperties are the properties of AWS::CodeCommit::Repository.
type repositoryProperties struct {
	RepositoryName        string `json:",omitempty"`
	RepositoryDescription string `json:",omitempty"`
	// KMSKeyID is not read back where it is the AWS managed key, which nobody has to name.
	KMSKeyID string            `json:"KmsKeyId,omitempty"`
	Tags     []tagProperty     `json:",omitempty"`
	Triggers []triggerProperty `json:",omitempty"`
	// Code is committed when the repository is made. It is not read back, and a change of it has no effect.
	Code         *codeProperty `json:",omitempty"`
	ID           string        `json:"Id,omitempty"`
	ARN          string        `json:"Arn,omitempty"`
	Name         string        `json:",omitempty"`
	CloneURLHTTP string        `json:"CloneUrlHttp,omitempty"`
	CloneURLSSH  string        `json:"CloneUrlSsh,omitempty"`
}

type triggerProperty struct {
	Name           string
	DestinationARN string `json:"DestinationArn"`
	CustomData     string `json:",omitempty"`
	Events         []string
	Branches       []string `json:",omitempty"`
}

type codeProperty struct {
	BranchName string `json:",omitempty"`
	S3         codeObject
}

type codeObject struct {
	Bucket, Key   string
	ObjectVersion string `json:",omitempty"`
}

type tagProperty struct{ Key, Value string }

func (p *repositoryProperties) tags() map[string]string {
	tags := map[string]string{}
	for _, t := range p.Tags {
		tags[t.Key] = t.Value
	}
	return tags
}

// createRepositoryResource makes a repository with its triggers and first commit, or does not make it.
func (s *Service) createRepositoryResource(call *aws.Call, desired resource.Properties) (string, error) {
	var p repositoryProperties
	if err := desired.Decode(&p); err != nil {
		return "", err
	}
	in := &api.CreateRepositoryInput{RepositoryName: p.RepositoryName, Tags: p.tags()}
	if p.RepositoryDescription != "" {
		in.RepositoryDescription = &p.RepositoryDescription
	}
	if p.KMSKeyID != "" {
		in.KMSKeyID = &p.KMSKeyID
	}
	out, err := api.CreateRepository.Do(call, in)
	if err != nil {
		return "", err
	}
	if err := s.fillRepositoryResource(call, &p); err != nil {
		_, undone := api.DeleteRepository.Do(call, &api.DeleteRepositoryInput{RepositoryName: p.RepositoryName})
		return "", errors.Join(err, undone)
	}
	return *out.RepositoryMetadata.RepositoryID, nil
}

func (s *Service) fillRepositoryResource(call *aws.Call, p *repositoryProperties) error {
	if p.Code != nil {
		if err := s.commitCode(call, p.RepositoryName, p.Code); err != nil {
			return err
		}
	}
	if len(p.Triggers) == 0 {
		return nil
	}
	return putTriggerProperties(call, p.RepositoryName, p.Triggers)
}

func putTriggerProperties(call *aws.Call, name string, list []triggerProperty) error {
	in := &api.PutRepositoryTriggersInput{RepositoryName: name, Triggers: []api.RepositoryTrigger{}}
	for _, t := range list {
		put := api.RepositoryTrigger{Name: t.Name, DestinationARN: t.DestinationARN, Branches: t.Branches}
		if t.CustomData != "" {
			put.CustomData = &t.CustomData
		}
		for _, event := range t.Events {
			put.Events = append(put.Events, api.RepositoryTriggerEventEnum(event))
		}
		in.Triggers = append(in.Triggers, put)
	}
	_, err := api.PutRepositoryTriggers.Do(call, in)
	return err
}

// readTriggerProperties returns the triggers of a repository.
func readTriggerProperties(call *aws.Call, name string) ([]triggerProperty, error) {
	out, err := api.GetRepositoryTriggers.Do(call, &api.GetRepositoryTriggersInput{RepositoryName: name})
	if err != nil {
		return nil, err
	}
	var list []triggerProperty
	for _, t := range out.Triggers {
		read := triggerProperty{Name: t.Name, DestinationARN: t.DestinationARN, CustomData: deref(t.CustomData), Branches: t.Branches}
		for _, event := range t.Events {
			read.Events = append(read.Events, string(event))
		}
		list = append(list, read)
	}
	return list, nil
}

// rowOf returns the caller's repository with an id, which the API itself does not find.
func (s *Service) rowOf(call *aws.Call, id string) (row *repository, err error) {
	err = s.DB.View(call, func(tx *store.Tx) (err error) {
		row, err = repositoriesByID.First(tx, store.K(id))
		if errors.Is(err, store.ErrNotFound) || err == nil && (row.Account != call.Account || row.Region != call.Region) {
			return noRepository(id)
		}
		return err
	})
	return row, err
}

func (s *Service) readRepositoryResource(call *aws.Call, id string) (resource.Properties, error) {
	row, err := s.rowOf(call, id)
	if err != nil {
		return nil, err
	}
	name := row.Name
	out, err := api.GetRepository.Do(call, &api.GetRepositoryInput{RepositoryName: name})
	if err != nil {
		return nil, err
	}
	m := out.RepositoryMetadata
	tags, err := api.ListTagsForResource.Do(call, &api.ListTagsForResourceInput{ResourceARN: *m.ARN})
	if err != nil {
		return nil, err
	}
	p := repositoryProperties{
		RepositoryName: name, RepositoryDescription: deref(m.RepositoryDescription), ID: id, ARN: *m.ARN, Name: name,
		CloneURLHTTP: *m.CloneURLHTTP, CloneURLSSH: *m.CloneURLSSH,
	}
	if !row.Encryption.Managed {
		p.KMSKeyID = row.Encryption.KMSKey
	}
	for key, value := range tags.Tags {
		p.Tags = append(p.Tags, tagProperty{key, value})
	}
	if p.Triggers, err = readTriggerProperties(call, name); err != nil {
		return nil, err
	}
	slices.SortFunc(p.Tags, func(a, b tagProperty) int { return strings.Compare(a.Key, b.Key) })
	return resource.Encode(p)
}

func (s *Service) updateRepositoryResource(call *aws.Call, id string, current, desired resource.Properties) error {
	var was, p repositoryProperties
	if err := current.Decode(&was); err != nil {
		return err
	}
	if err := desired.Decode(&p); err != nil {
		return err
	}
	row, err := s.rowOf(call, id)
	if err != nil {
		return err
	}
	name := row.Name
	if p.RepositoryName != name {
		if _, err := api.UpdateRepositoryName.Do(call, &api.UpdateRepositoryNameInput{OldName: name, NewName: p.RepositoryName}); err != nil {
			return err
		}
		name = p.RepositoryName
	}
	if p.RepositoryDescription != was.RepositoryDescription {
		in := &api.UpdateRepositoryDescriptionInput{RepositoryName: name, RepositoryDescription: &p.RepositoryDescription}
		if _, err := api.UpdateRepositoryDescription.Do(call, in); err != nil {
			return err
		}
	}
	if p.KMSKeyID != was.KMSKeyID {
		in := &api.UpdateRepositoryEncryptionKeyInput{RepositoryName: name, KMSKeyID: cmp.Or(p.KMSKeyID, managedKey)}
		if _, err := api.UpdateRepositoryEncryptionKey.Do(call, in); err != nil {
			return err
		}
	}
	if !reflect.DeepEqual(p.Triggers, was.Triggers) {
		if err := putTriggerProperties(call, name, p.Triggers); err != nil {
			return err
		}
	}
	return updateResourceTags(call, call.ARN("codecommit", name).String(), was.tags(), p.tags())
}

// updateResourceTags makes the tags of a repository those desired.
func updateResourceTags(call *aws.Call, arn string, was, desired map[string]string) error {
	var gone []string
	for key := range was {
		if _, kept := desired[key]; !kept {
			gone = append(gone, key)
		}
	}
	if len(gone) > 0 {
		slices.Sort(gone)
		if _, err := api.UntagResource.Do(call, &api.UntagResourceInput{ResourceARN: arn, TagKeys: gone}); err != nil {
			return err
		}
	}
	changed := map[string]string{}
	for key, value := range desired {
		if old, had := was[key]; !had || old != value {
			changed[key] = value
		}
	}
	if len(changed) == 0 {
		return nil
	}
	_, err := api.TagResource.Do(call, &api.TagResourceInput{ResourceARN: arn, Tags: changed})
	return err
}

func (s *Service) deleteRepositoryResource(call *aws.Call, id string) error {
	row, err := s.rowOf(call, id)
	if err != nil {
		return err
	}
	_, err = api.DeleteRepository.Do(call, &api.DeleteRepositoryInput{RepositoryName: row.Name})
	return err
}

func listRepositoryResources(call *aws.Call) ([]string, error) {
	var ids []string
	in := &api.ListRepositoriesInput{}
	for {
		out, err := api.ListRepositories.Do(call, in)
		if err != nil {
			return nil, err
		}
		for _, r := range out.Repositories {
			ids = append(ids, *r.RepositoryID)
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return ids, nil
		}
	}
}
