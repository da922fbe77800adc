package codecommit

import (
	"errors"
	"time"
	"unicode/utf8"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/store"
)

// template is an approval rule that pull requests of associated repositories are made with.
type template struct {
	Account, Region, Name string
	ID                    string
	Description, Content  string
	Created, Modified     time.Time
	ModifiedBy            string
}

var (
	templatesByID = store.NewIndex("id", func(t *template) []store.Key { return []store.Key{store.K(t.ID)} })
	templates     = store.NewTable("codecommit/template", func(t *template) store.Key { return store.K(t.Account, t.Region, t.Name) }, templatesByID)
)

func (t *template) show() api.ApprovalRuleTemplate {
	shown := api.ApprovalRuleTemplate{
		ApprovalRuleTemplateID: &t.ID, ApprovalRuleTemplateName: &t.Name, ApprovalRuleTemplateContent: &t.Content,
		RuleContentSha256: new(contentSum(t.Content)), CreationDate: &t.Created, LastModifiedDate: &t.Modified, LastModifiedUser: &t.ModifiedBy,
	}
	if t.Description != "" {
		shown.ApprovalRuleTemplateDescription = &t.Description
	}
	return shown
}

func checkTemplateName(name string) error {
	if name == "" {
		return api.NewApprovalRuleTemplateNameRequiredException("An approval rule template name is required, but was not specified.")
	}
	if !validRuleName(name) {
		return api.NewInvalidApprovalRuleTemplateNameException("The name of the approval rule template is not valid: %.100s. Template names must be between "+
			"1 and %d valid characters in length.", name, maxRuleName)
	}
	return nil
}

func checkTemplateContent(content string) error {
	if content == "" {
		return api.NewApprovalRuleTemplateContentRequiredException("The content for the approval rule template is empty. You must provide some content for an " +
			"approval rule template. The content cannot be null.")
	}
	if _, err := parseRule(content, true); err != nil {
		return api.NewInvalidApprovalRuleTemplateContentException("The content of the approval rule template is not valid: %v.", err)
	}
	return nil
}

func checkTemplateDescription(text string) error {
	if utf8.RuneCountInString(text) > maxDescriptionLength {
		return api.NewInvalidApprovalRuleTemplateDescriptionException("The description for the approval rule template is not valid because it exceeds the " +
			"maximum characters allowed for a description.")
	}
	return nil
}

func noTemplate(name string) error {
	return api.NewApprovalRuleTemplateDoesNotExistException("The specified approval rule template does not exist: %s. Verify that the name is correct and "+
		"that you are signed in to the AWS Region where the template was created, and then try again.", name)
}

func templateExists() error {
	return api.NewApprovalRuleTemplateNameAlreadyExistsException("You cannot create an approval rule template with that name because a template with that " +
		"name already exists in this AWS Region for your AWS account. Approval rule template names must be unique.")
}

// getTemplate returns the caller's template of a name that has been checked.
func getTemplate(tx *store.Tx, call *aws.Call, name string) (*template, error) {
	t, err := templates.Get(tx, store.K(call.Account, call.Region, name))
	if errors.Is(err, store.ErrNotFound) {
		return nil, noTemplate(name)
	}
	return t, err
}

func (s *Service) createApprovalRuleTemplate(call *aws.Call, in *api.CreateApprovalRuleTemplateInput) (*api.CreateApprovalRuleTemplateOutput, error) {
	if err := checkTemplateName(in.ApprovalRuleTemplateName); err != nil {
		return nil, err
	}
	if err := checkTemplateContent(in.ApprovalRuleTemplateContent); err != nil {
		return nil, err
	}
	if err := checkTemplateDescription(deref(in.ApprovalRuleTemplateDescription)); err != nil {
		return nil, err
	}
	t := &template{
		Account: call.Account, Region: call.Region, Name: in.ApprovalRuleTemplateName, ID: call.NewUUID(),
		Description: deref(in.ApprovalRuleTemplateDescription), Content: in.ApprovalRuleTemplateContent,
		Created: call.Now(), Modified: call.Now(), ModifiedBy: call.Principal.ARN,
	}
	err := s.DB.Update(call, func(tx *store.Tx) error {
		if exists, err := templates.Has(tx, templates.Key(t)); err != nil {
			return err
		} else if exists {
			return templateExists()
		}
		count := 0
		for _, err := range templates.Scan(tx, store.Range{Prefix: store.K(call.Account, call.Region)}) {
			if err != nil {
				return err
			}
			count++
		}
		if count >= maxTemplates {
			return api.NewNumberOfRuleTemplatesExceededException("The maximum number of approval rule templates has been exceeded for this AWS Region.")
		}
		return templates.Put(tx, t)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateApprovalRuleTemplateOutput{ApprovalRuleTemplate: t.show()}, nil
}

func (s *Service) getApprovalRuleTemplate(call *aws.Call, in *api.GetApprovalRuleTemplateInput) (*api.GetApprovalRuleTemplateOutput, error) {
	if err := checkTemplateName(in.ApprovalRuleTemplateName); err != nil {
		return nil, err
	}
	var t *template
	err := s.DB.View(call, func(tx *store.Tx) (err error) {
		t, err = getTemplate(tx, call, in.ApprovalRuleTemplateName)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.GetApprovalRuleTemplateOutput{ApprovalRuleTemplate: t.show()}, nil
}

// listApprovalRuleTemplates lists the names of templates in order, in pages.
func (s *Service) listApprovalRuleTemplates(call *aws.Call, in *api.ListApprovalRuleTemplatesInput) (*api.ListApprovalRuleTemplatesOutput, error) {
	limit, err := resultsOf(in.MaxResults, templatesPage)
	if err != nil {
		return nil, err
	}
	prefix := store.K(call.Account, call.Region)
	r := store.Range{Prefix: prefix}
	if token := deref(in.NextToken); token != "" {
		parts, err := aws.DecodePageToken(token, 1)
		if err != nil {
			return nil, invalidToken()
		}
		r.After = prefix.With(parts[0])
	}
	out := &api.ListApprovalRuleTemplatesOutput{ApprovalRuleTemplateNames: []string{}}
	err = s.DB.View(call, func(tx *store.Tx) error {
		for t, err := range templates.Scan(tx, r) {
			if err != nil {
				return err
			}
			if len(out.ApprovalRuleTemplateNames) == limit {
				out.NextToken = new(aws.EncodePageToken(out.ApprovalRuleTemplateNames[limit-1]))
				return nil
			}
			out.ApprovalRuleTemplateNames = append(out.ApprovalRuleTemplateNames, t.Name)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// updateTemplate changes a template.
func (s *Service) updateTemplate(call *aws.Call, name string, do func(t *template) error) (t *template, err error) {
	if err := checkTemplateName(name); err != nil {
		return nil, err
	}
	err = s.DB.Update(call, func(tx *store.Tx) error {
		if t, err = getTemplate(tx, call, name); err != nil {
			return err
		}
		if err := do(t); err != nil {
			return err
		}
		t.Modified, t.ModifiedBy = call.Now(), call.Principal.ARN
		return templates.Put(tx, t)
	})
	return t, err
}

func (s *Service) updateApprovalRuleTemplateContent(call *aws.Call, in *api.UpdateApprovalRuleTemplateContentInput) (*api.UpdateApprovalRuleTemplateContentOutput, error) {
	if err := checkTemplateContent(in.NewRuleContent); err != nil {
		return nil, err
	}
	t, err := s.updateTemplate(call, in.ApprovalRuleTemplateName, func(t *template) error {
		if in.ExistingRuleContentSha256 != nil && *in.ExistingRuleContentSha256 != contentSum(t.Content) {
			return invalidSum()
		}
		t.Content = in.NewRuleContent
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateApprovalRuleTemplateContentOutput{ApprovalRuleTemplate: t.show()}, nil
}

func (s *Service) updateApprovalRuleTemplateDescription(call *aws.Call, in *api.UpdateApprovalRuleTemplateDescriptionInput) (*api.UpdateApprovalRuleTemplateDescriptionOutput, error) {
	if err := checkTemplateDescription(in.ApprovalRuleTemplateDescription); err != nil {
		return nil, err
	}
	t, err := s.updateTemplate(call, in.ApprovalRuleTemplateName, func(t *template) error {
		t.Description = in.ApprovalRuleTemplateDescription
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateApprovalRuleTemplateDescriptionOutput{ApprovalRuleTemplate: t.show()}, nil
}

// updateApprovalRuleTemplateName renames a template; its associations stay.
func (s *Service) updateApprovalRuleTemplateName(call *aws.Call, in *api.UpdateApprovalRuleTemplateNameInput) (*api.UpdateApprovalRuleTemplateNameOutput, error) {
	for _, name := range []string{in.OldApprovalRuleTemplateName, in.NewApprovalRuleTemplateName} {
		if err := checkTemplateName(name); err != nil {
			return nil, err
		}
	}
	var t *template
	err := s.DB.Update(call, func(tx *store.Tx) (err error) {
		if t, err = getTemplate(tx, call, in.OldApprovalRuleTemplateName); err != nil {
			return err
		}
		if taken, err := templates.Has(tx, store.K(call.Account, call.Region, in.NewApprovalRuleTemplateName)); err != nil {
			return err
		} else if taken {
			return templateExists()
		}
		if _, err := templates.Delete(tx, templates.Key(t)); err != nil {
			return err
		}
		t.Name, t.Modified, t.ModifiedBy = in.NewApprovalRuleTemplateName, call.Now(), call.Principal.ARN
		return templates.Put(tx, t)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateApprovalRuleTemplateNameOutput{ApprovalRuleTemplate: t.show()}, nil
}

// deleteApprovalRuleTemplate removes a template that no repository is associated with. One that is not there is no error:
// the answer has no id then. Rules that were made from it stay.
func (s *Service) deleteApprovalRuleTemplate(call *aws.Call, in *api.DeleteApprovalRuleTemplateInput) (*api.DeleteApprovalRuleTemplateOutput, error) {
	if err := checkTemplateName(in.ApprovalRuleTemplateName); err != nil {
		return nil, err
	}
	out := &api.DeleteApprovalRuleTemplateOutput{}
	err := s.DB.Update(call, func(tx *store.Tx) error {
		out.ApprovalRuleTemplateID = ""
		t, err := templates.Get(tx, store.K(call.Account, call.Region, in.ApprovalRuleTemplateName))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, err := range associations.Scan(tx, store.Range{Prefix: store.K(t.ID)}) {
			if err != nil {
				return err
			}
			return api.NewApprovalRuleTemplateInUseException("The approval rule template is associated with one or more repositories. You cannot delete a " +
				"template that is associated with a repository. Remove all associations, and then try again.")
		}
		out.ApprovalRuleTemplateID = t.ID
		_, err = templates.Delete(tx, templates.Key(t))
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
