package codecommit

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/bus"
	"drydock/engine/git"
	"drydock/store"
)

// triggers are what a repository tells of changes of its branches and tags, and whom.
type triggers struct {
	RepositoryID    string
	ConfigurationID string
	Triggers        []trigger
}

type trigger struct {
	Name, Destination string
	// CustomData is passed through as it is; nil stays null.
	CustomData *string
	// Branches limits the trigger to some; none is all of them, and the tags.
	Branches []string
	Events   []api.RepositoryTriggerEventEnum
}

var triggerRows = store.NewTable("codecommit/triggers", func(t *triggers) store.Key { return store.K(t.RepositoryID) })

// servicePrincipal is who delivers the messages of triggers.
const servicePrincipal = "codecommit.amazonaws.com"

var triggerName = regexp.MustCompile(`^[\w.-]+$`)

// readTriggers checks the triggers of a request.
func readTriggers(call *aws.Call, list []api.RepositoryTrigger) ([]trigger, error) {
	if list == nil {
		return nil, api.NewRepositoryTriggersListRequiredException("The list of triggers for the repository is required, but was not specified.")
	}
	if len(list) > maxTriggers {
		return nil, api.NewMaximumRepositoryTriggersExceededException("The number of triggers allowed for the repository was exceeded. The maximum is %d.", maxTriggers)
	}
	read := make([]trigger, 0, len(list))
	for i := range list {
		t := trigger{
			Name: list[i].Name, Destination: list[i].DestinationARN, CustomData: list[i].CustomData, Branches: list[i].Branches, Events: list[i].Events,
		}
		if err := t.check(call); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(read, func(other trigger) bool { return other.Name == t.Name }) {
			return nil, api.NewInvalidRepositoryTriggerNameException("The name of the trigger is not valid: %s is used twice.", t.Name)
		}
		read = append(read, t)
	}
	return read, nil
}

func (t *trigger) check(call *aws.Call) error {
	switch {
	case t.Name == "":
		return api.NewRepositoryTriggerNameRequiredException("A name for the trigger is required, but was not specified.")
	case len(t.Name) > maxTriggerName || !triggerName.MatchString(t.Name):
		return api.NewInvalidRepositoryTriggerNameException("The name of the trigger is not valid: %.150s", t.Name)
	case t.Destination == "":
		return api.NewRepositoryTriggerDestinationARNRequiredException("A destination ARN for the target service for the trigger is required, but was not specified.")
	case utf8.RuneCountInString(deref(t.CustomData)) > maxCustomData:
		return api.NewInvalidRepositoryTriggerCustomDataException("The custom data provided for the trigger is not valid: at most %d characters are allowed.", maxCustomData)
	case len(t.Branches) > maxTriggerBranches:
		return api.NewMaximumBranchesExceededException("The number of branches for the trigger was exceeded. The maximum is %d.", maxTriggerBranches)
	case len(t.Events) == 0:
		return api.NewRepositoryTriggerEventsListRequiredException("At least one event for the trigger is required, but was not specified.")
	}
	for _, branch := range t.Branches {
		if checkBranchName(branch) != nil {
			return api.NewInvalidRepositoryTriggerBranchNameException("One or more branch names specified for the trigger is not valid: %.300s", branch)
		}
	}
	if err := t.checkEvents(); err != nil {
		return err
	}
	a, err := aws.ParseARN(t.Destination)
	topic := err == nil && a.Service == "sns" && !strings.ContainsAny(a.Resource, ":/")
	function := err == nil && a.Service == "lambda" && strings.HasPrefix(a.Resource, "function:")
	if !topic && !function || !aws.ValidAccount(a.Account) || a.Partition != call.Partition {
		return api.NewInvalidRepositoryTriggerDestinationARNException("The Amazon Resource Name (ARN) for the trigger is not valid for the specified destination. "+
			"The most common reason for this error is that the ARN does not meet the requirements for the service type: %.300s", t.Destination)
	}
	if a.Region != call.Region {
		return api.NewInvalidRepositoryTriggerRegionException("The AWS Region for the trigger target does not match the AWS Region for the repository. Triggers " +
			"must be created in the same AWS Region as the target for the trigger.")
	}
	return nil
}

func (t *trigger) checkEvents() error {
	invalid := api.NewInvalidRepositoryTriggerEventsException("One or more events specified for the trigger is not valid. Check to make sure that all events " +
		"specified match the requirements for allowed events.")
	for _, event := range t.Events {
		switch event {
		case api.RepositoryTriggerEventEnumUpdateReference, api.RepositoryTriggerEventEnumCreateReference, api.RepositoryTriggerEventEnumDeleteReference:
		case api.RepositoryTriggerEventEnumAll:
			if len(t.Events) > 1 {
				return invalid
			}
		default:
			return invalid
		}
	}
	return nil
}

// putRepositoryTriggers replaces all triggers of a repository. Whether a destination is there shows when it is told.
func (s *Service) putRepositoryTriggers(call *aws.Call, in *api.PutRepositoryTriggersInput) (*api.PutRepositoryTriggersOutput, error) {
	if err := checkRepositoryName(in.RepositoryName); err != nil {
		return nil, err
	}
	list, err := readTriggers(call, in.Triggers)
	if err != nil {
		return nil, err
	}
	id := call.NewUUID()
	err = s.DB.Update(call, func(tx *store.Tx) error {
		row, err := getRow(tx, call, in.RepositoryName)
		if err != nil {
			return err
		}
		return triggerRows.Put(tx, &triggers{RepositoryID: row.ID, ConfigurationID: id, Triggers: list})
	})
	if err != nil {
		return nil, err
	}
	return &api.PutRepositoryTriggersOutput{ConfigurationID: &id}, nil
}

func (s *Service) getRepositoryTriggers(call *aws.Call, in *api.GetRepositoryTriggersInput) (*api.GetRepositoryTriggersOutput, error) {
	if err := checkRepositoryName(in.RepositoryName); err != nil {
		return nil, err
	}
	out := &api.GetRepositoryTriggersOutput{Triggers: []api.RepositoryTrigger{}}
	err := s.DB.View(call, func(tx *store.Tx) error {
		row, err := getRow(tx, call, in.RepositoryName)
		if err != nil {
			return err
		}
		set, err := triggerRows.Get(tx, store.K(row.ID))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		out.ConfigurationID = &set.ConfigurationID
		for _, t := range set.Triggers {
			shown := api.RepositoryTrigger{Name: t.Name, DestinationARN: t.Destination, CustomData: t.CustomData, Branches: t.Branches, Events: t.Events}
			if shown.Branches == nil {
				shown.Branches = []string{}
			}
			out.Triggers = append(out.Triggers, shown)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// testRepositoryTriggers sends each trigger a message of the newest commit, or of one made up of zeros. A destination whose
// service is not there fails; otherwise success means that the message is on its way.
func (s *Service) testRepositoryTriggers(call *aws.Call, in *api.TestRepositoryTriggersInput) (*api.TestRepositoryTriggersOutput, error) {
	if err := checkRepositoryName(in.RepositoryName); err != nil {
		return nil, err
	}
	list, err := readTriggers(call, in.Triggers)
	if err != nil {
		return nil, err
	}
	row, files, err := s.find(call, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	sample := git.RefUpdate{Ref: "refs/heads/main", Old: git.ID(strings.Repeat("0", 40)), New: git.ID(strings.Repeat("0", 40))}
	branch, err := files.DefaultBranch(call)
	if err != nil {
		return nil, err
	}
	if branch != "" {
		head, err := s.branch(call, files, branch)
		if err != nil {
			return nil, err
		}
		sample = git.RefUpdate{Ref: head.Name, Old: head.ID, New: head.ID}
	}
	out := &api.TestRepositoryTriggersOutput{SuccessfulExecutions: []string{}, FailedExecutions: []api.RepositoryTriggerExecutionFailure{}}
	set := &triggers{RepositoryID: row.ID, ConfigurationID: call.NewUUID()}
	id := call.NewUUID()
	for i := range list {
		t := &list[i]
		if !s.Bus.Accepts(t.Destination) {
			out.FailedExecutions = append(out.FailedExecutions, api.RepositoryTriggerExecutionFailure{
				Trigger: &t.Name, FailureMessage: new("The target of the trigger does not exist or cannot be reached: " + t.Destination),
			})
			continue
		}
		set.Triggers = append(set.Triggers, *t)
		out.SuccessfulExecutions = append(out.SuccessfulExecutions, t.Name)
	}
	err = s.DB.Update(call, func(tx *store.Tx) error {
		for i := range set.Triggers {
			if err := s.tell(tx, row, set, &set.Triggers[i], id, call.Principal.ARN, []git.RefUpdate{sample}, call.Now()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// fire tells the destinations of a repository's triggers of a change. A destination whose service is not there is passed
// over: nobody would ever take the message.
func (s *Service) fire(tx *store.Tx, row *repository, c *change, updates []git.RefUpdate, now time.Time) error {
	set, err := triggerRows.Get(tx, store.K(row.ID))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for i := range set.Triggers {
		t := &set.Triggers[i]
		var about []git.RefUpdate
		for _, u := range updates {
			if t.wants(u) {
				about = append(about, u)
			}
		}
		if len(about) == 0 || !s.Bus.Accepts(t.Destination) {
			continue
		}
		if err := s.tell(tx, row, set, t, c.ID, c.CallerARN, about, now); err != nil {
			return err
		}
	}
	return nil
}

// wants tells whether a trigger is for a change: of a branch or tag, and if it names branches, of one of them.
func (t *trigger) wants(u git.RefUpdate) bool {
	branch, isBranch := strings.CutPrefix(u.Ref, "refs/heads/")
	if !isBranch && !strings.HasPrefix(u.Ref, "refs/tags/") || len(t.Branches) > 0 && (!isBranch || !slices.Contains(t.Branches, branch)) {
		return false
	}
	event := map[string]api.RepositoryTriggerEventEnum{
		"create": api.RepositoryTriggerEventEnumCreateReference, "update": api.RepositoryTriggerEventEnumUpdateReference,
		"delete": api.RepositoryTriggerEventEnumDeleteReference,
	}[u.Kind()]
	return slices.Contains(t.Events, api.RepositoryTriggerEventEnumAll) || slices.Contains(t.Events, event)
}

// notice is the message of a trigger, as AWS writes it.
type notice struct {
	Records []noticeRecord
}

type noticeRecord struct {
	Region     string `json:"awsRegion"`
	CodeCommit struct {
		References []noticeReference `json:"references"`
	} `json:"codecommit"`
	CustomData      *string `json:"customData"`
	EventID         string  `json:"eventId"`
	EventName       string  `json:"eventName"`
	EventPartNumber int     `json:"eventPartNumber"`
	EventSource     string  `json:"eventSource"`
	EventSourceARN  string  `json:"eventSourceARN"`
	EventTime       string  `json:"eventTime"`
	EventTotalParts int     `json:"eventTotalParts"`
	ConfigurationID string  `json:"eventTriggerConfigId"`
	TriggerName     string  `json:"eventTriggerName"`
	EventVersion    string  `json:"eventVersion"`
	UserARN         string  `json:"userIdentityARN"`
}

type noticeReference struct {
	Commit  string `json:"commit"`
	Created bool   `json:"created,omitempty"`
	Deleted bool   `json:"deleted,omitempty"`
	Ref     string `json:"ref"`
}

// tell sends the messages of one trigger about changes, in parts where there are many.
func (s *Service) tell(tx *store.Tx, row *repository, set *triggers, t *trigger, id, userARN string, updates []git.RefUpdate, now time.Time) error {
	parts := slices.Collect(slices.Chunk(updates, triggerPart))
	for i, part := range parts {
		eventID := derivedID(id, t.Name)
		record := noticeRecord{
			Region: row.Region, CustomData: t.CustomData, EventID: eventID, EventName: "ReferenceChanges", EventPartNumber: i + 1, EventSource: "aws:codecommit",
			EventSourceARN: row.arn(), EventTime: now.UTC().Format("2006-01-02T15:04:05.000-0700"), EventTotalParts: len(parts),
			ConfigurationID: set.ConfigurationID, TriggerName: t.Name, EventVersion: "1.0", UserARN: userARN,
		}
		for _, u := range part {
			reference := noticeReference{Commit: string(u.New), Ref: u.Ref, Created: u.Kind() == "create"}
			if u.New == "" {
				reference.Commit, reference.Deleted = string(u.Old), true
			}
			record.CodeCommit.References = append(record.CodeCommit.References, reference)
		}
		payload, err := json.Marshal(notice{Records: []noticeRecord{record}})
		if err != nil {
			return err
		}
		err = s.Bus.Send(tx, bus.Delivery{
			ID: derivedID(eventID, record.EventTime, strings.Repeat("+", i)), Target: t.Destination, Source: servicePrincipal, SourceARN: row.arn(),
			Account: row.Account, Region: row.Region, Payload: payload, Attributes: map[string]string{"Subject": subject(row, part[0])},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// subject is that of the mail a subscriber of a topic gets.
func subject(row *repository, u git.RefUpdate) string {
	return strings.ToUpper(u.Kind()) + ": AWS CodeCommit " + row.Region + " push: " + row.Name
}
