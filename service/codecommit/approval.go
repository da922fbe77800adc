package codecommit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/policy"
	"drydock/store"
)

// approvalRule is a rule of one pull request.
type approvalRule struct {
	ID, Name, Content string
	Created, Modified time.Time
	ModifiedBy        string
	// TemplateID and TemplateName are of the template that the rule was made from, if it was.
	TemplateID, TemplateName string
}

func (r *approvalRule) show() api.ApprovalRule {
	shown := api.ApprovalRule{
		ApprovalRuleID: &r.ID, ApprovalRuleName: &r.Name, ApprovalRuleContent: &r.Content, RuleContentSha256: new(contentSum(r.Content)),
		CreationDate: &r.Created, LastModifiedDate: &r.Modified, LastModifiedUser: &r.ModifiedBy,
	}
	if r.TemplateID != "" {
		shown.OriginApprovalRuleTemplate = &api.OriginApprovalRuleTemplate{ApprovalRuleTemplateID: &r.TemplateID, ApprovalRuleTemplateName: &r.TemplateName}
	}
	return shown
}

func contentSum(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// ruleContent is what a rule demands.
type ruleContent struct {
	Version string
	// DestinationReferences are the branches a template is for; none is all of them.
	DestinationReferences []string
	Statements            []ruleStatement
}

type ruleStatement struct {
	Type                    string
	NumberOfApprovalsNeeded int
	// ApprovalPoolMembers are patterns of who may approve; none is everybody.
	ApprovalPoolMembers []string
}

const ruleVersion = "2018-11-08"

// parseRule reads the content of a rule or a template. The error says what is wrong with it.
func parseRule(content string, template bool) (*ruleContent, error) {
	if utf8.RuneCountInString(content) > maxRuleContent {
		return nil, errors.New("it is too long")
	}
	decoder := json.NewDecoder(bytes.NewReader([]byte(content)))
	decoder.DisallowUnknownFields()
	var rule ruleContent
	if err := decoder.Decode(&rule); err != nil {
		return nil, errors.New("it is no JSON of the form of an approval rule")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON")
	}
	switch {
	case rule.Version != ruleVersion:
		return nil, errors.New("the Version must be " + ruleVersion)
	case len(rule.DestinationReferences) > 0 && !template:
		return nil, errors.New("only templates have DestinationReferences")
	case len(rule.DestinationReferences) > maxDestinations:
		return nil, errors.New("it has too many DestinationReferences")
	case len(rule.Statements) != 1:
		return nil, errors.New("it needs one statement")
	}
	for _, ref := range rule.DestinationReferences {
		if !strings.HasPrefix(ref, "refs/heads/") {
			return nil, errors.New("the DestinationReferences must be full names of branches")
		}
	}
	statement := rule.Statements[0]
	switch {
	case statement.Type != "Approvers":
		return nil, errors.New("the Type of a statement must be Approvers")
	case statement.NumberOfApprovalsNeeded < 1 || statement.NumberOfApprovalsNeeded > maxApprovals:
		return nil, errors.New("the NumberOfApprovalsNeeded is out of range")
	case len(statement.ApprovalPoolMembers) > maxPool:
		return nil, errors.New("it has too many ApprovalPoolMembers")
	}
	for _, member := range statement.ApprovalPoolMembers {
		if !validMember(member) {
			return nil, errors.New("an ApprovalPoolMember is neither an ARN nor CodeCommitApprovers:ACCOUNT:NAME")
		}
	}
	return &rule, nil
}

const approvers = "CodeCommitApprovers:"

func validMember(member string) bool {
	if rest, ok := strings.CutPrefix(member, approvers); ok {
		account, name, _ := strings.Cut(rest, ":")
		return name != "" && aws.ValidAccount(account)
	}
	a, err := aws.ParseARN(member)
	return err == nil && (a.Service == "iam" || a.Service == "sts") && aws.ValidAccount(a.Account)
}

// inPool tells whether a member of an approval pool stands for a user. CodeCommitApprovers names an IAM user or a
// federated user by the name alone, and whoever assumed a role by the role and the session.
func inPool(member, userARN string) bool {
	rest, ok := strings.CutPrefix(member, approvers)
	if !ok {
		return policy.Match(member, userARN)
	}
	account, name, _ := strings.Cut(rest, ":")
	a, err := aws.ParseARN(userARN)
	if err != nil || a.Account != account {
		return false
	}
	if policy.Match(name, a.Resource) {
		return true
	}
	kind, who, _ := strings.Cut(a.Resource, "/")
	switch kind {
	case "user":
		return policy.Match(name, who[strings.LastIndexByte(who, '/')+1:])
	case "federated-user", "assumed-role":
		return policy.Match(name, who)
	default:
		return false
	}
}

// satisfied tells whether enough of those who approved are in the rule's pool.
func (r *ruleContent) satisfied(users []string) bool {
	for _, statement := range r.Statements {
		count := 0
		for _, user := range users {
			if statement.admits(user) {
				count++
			}
		}
		if count < statement.NumberOfApprovalsNeeded {
			return false
		}
	}
	return true
}

func (s *ruleStatement) admits(user string) bool {
	for _, member := range s.ApprovalPoolMembers {
		if inPool(member, user) {
			return true
		}
	}
	return len(s.ApprovalPoolMembers) == 0
}

// appliesTo tells whether a template's rule is for pull requests into a branch.
func (r *ruleContent) appliesTo(destination string) bool {
	for _, ref := range r.DestinationReferences {
		if policy.Match(ref, destination) {
			return true
		}
	}
	return len(r.DestinationReferences) == 0
}

// approval is a user's word that a revision of a pull request is good.
type approval struct {
	Account, Region   string
	Number            int64
	Revision, UserARN string
	Given             time.Time
}

// override sets the rules of a revision of a pull request aside.
type override struct {
	Account, Region string
	Number          int64
	Revision, By    string
}

var (
	approvals = store.NewTable("codecommit/approval", func(a *approval) store.Key {
		return store.K(a.Account, a.Region, a.Number, a.Revision, a.UserARN)
	})
	overrides = store.NewTable("codecommit/override", func(o *override) store.Key {
		return store.K(o.Account, o.Region, o.Number, o.Revision)
	})
)

// evaluation is how a pull request stands with its rules.
type evaluation struct {
	overrider              string
	satisfied, unsatisfied []string
}

func (e *evaluation) approved() bool { return e.overrider != "" || len(e.unsatisfied) == 0 }

// evaluate holds the approvals of the current revision against the rules.
func (p *pullRequest) evaluate(tx *store.Tx) (*evaluation, error) {
	e := &evaluation{satisfied: []string{}, unsatisfied: []string{}}
	set, err := overrides.Get(tx, store.K(p.Account, p.Region, p.Number, p.Revision))
	if err == nil {
		e.overrider = set.By
	} else if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	users, err := p.approvers(tx, p.Revision)
	if err != nil {
		return nil, err
	}
	for i := range p.Rules {
		rule := &p.Rules[i]
		content, err := parseRule(rule.Content, true)
		if err == nil && content.satisfied(users) {
			e.satisfied = append(e.satisfied, rule.Name)
		} else {
			e.unsatisfied = append(e.unsatisfied, rule.Name)
		}
	}
	return e, nil
}

// approvers lists who approved a revision.
func (p *pullRequest) approvers(tx *store.Tx, revision string) ([]string, error) {
	var users []string
	for a, err := range approvals.Scan(tx, store.Range{Prefix: store.K(p.Account, p.Region, p.Number, revision)}) {
		if err != nil {
			return nil, err
		}
		users = append(users, a.UserARN)
	}
	return users, nil
}

var ruleName = regexp.MustCompile(`^[\p{L}\p{N}. _-]+$`)

// validRuleName tells whether a rule or a template may have the name.
func validRuleName(name string) bool {
	return utf8.RuneCountInString(name) <= maxRuleName && ruleName.MatchString(name) && !strings.HasSuffix(name, ".git")
}
