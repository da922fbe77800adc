package codecommit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/store"
)

// association lets new pull requests of a repository be made with the rule of a template.
type association struct{ TemplateID, RepositoryID string }

var (
	associationsByRepository = store.NewIndex("repository", func(a *association) []store.Key {
		return []store.Key{store.K(a.RepositoryID, a.TemplateID)}
	})
	associations = store.NewTable("codecommit/association", func(a *association) store.Key { return store.K(a.TemplateID, a.RepositoryID) },
		associationsByRepository)
)

// addTemplateRules gives a new pull request the rules of the repository's templates that are for its destination.
func addTemplateRules(tx *store.Tx, row *repository, p *pullRequest) error {
	for a, err := range associationsByRepository.Scan(tx, store.Range{Prefix: store.K(row.ID)}) {
		if err != nil {
			return err
		}
		t, err := templatesByID.First(tx, store.K(a.TemplateID))
		if err != nil {
			return err
		}
		content, err := parseRule(t.Content, true)
		if err != nil || !content.appliesTo(p.Destination) {
			continue
		}
		p.Rules = append(p.Rules, approvalRule{
			ID: derivedID(t.ID, p.Revision), Name: t.Name, Content: t.Content, Created: p.Created, Modified: p.Created, ModifiedBy: t.ModifiedBy,
			TemplateID: t.ID, TemplateName: t.Name,
		})
	}
	return nil
}

// derivedID is an id in the form of a UUID made of other ids, for transactions, which may run twice.
func derivedID(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		h.Write([]byte(part + "/"))
	}
	text := hex.EncodeToString(h.Sum(nil))
	return text[:8] + "-" + text[8:12] + "-4" + text[13:16] + "-8" + text[17:20] + "-" + text[20:32]
}

// dissociate removes the associations of a repository that is deleted.
func dissociate(tx *store.Tx, repositoryID string) error {
	var all []*association
	for a, err := range associationsByRepository.Scan(tx, store.Range{Prefix: store.K(repositoryID)}) {
		if err != nil {
			return err
		}
		all = append(all, a)
	}
	for _, a := range all {
		if _, err := associations.Delete(tx, associations.Key(a)); err != nil {
			return err
		}
	}
	return nil
}

// associate associates a template with one repository.
func associate(tx *store.Tx, call *aws.Call, t *template, name string) error {
	if err := checkRepositoryName(name); err != nil {
		return err
	}
	row, err := getRow(tx, call, name)
	if err != nil {
		return err
	}
	a := &association{TemplateID: t.ID, RepositoryID: row.ID}
	count := 0
	for other, err := range associationsByRepository.Scan(tx, store.Range{Prefix: store.K(row.ID)}) {
		if err != nil {
			return err
		}
		if *other == *a {
			return nil
		}
		count++
	}
	if count >= maxAssociated {
		return api.NewMaximumRuleTemplatesAssociatedWithRepositoryException("The maximum number of approval rule templates for a repository has been exceeded. "+
			"You cannot associate more than %d approval rule templates with a repository.", maxAssociated)
	}
	return associations.Put(tx, a)
}

// disassociate takes an association back; one that is not there is no error.
func disassociate(tx *store.Tx, call *aws.Call, t *template, name string) error {
	if err := checkRepositoryName(name); err != nil {
		return err
	}
	row, err := getRow(tx, call, name)
	if err != nil {
		return err
	}
	_, err = associations.Delete(tx, store.K(t.ID, row.ID))
	return err
}

// withTemplate does something about a template in a transaction.
func (s *Service) withTemplate(call *aws.Call, name string, do func(tx *store.Tx, t *template) error) error {
	if err := checkTemplateName(name); err != nil {
		return err
	}
	return s.DB.Update(call, func(tx *store.Tx) error {
		t, err := getTemplate(tx, call, name)
		if err != nil {
			return err
		}
		return do(tx, t)
	})
}

func (s *Service) associateApprovalRuleTemplateWithRepository(call *aws.Call, in *api.AssociateApprovalRuleTemplateWithRepositoryInput) (*api.AssociateApprovalRuleTemplateWithRepositoryOutput, error) {
	if err := checkRepositoryName(in.RepositoryName); err != nil {
		return nil, err
	}
	return &api.AssociateApprovalRuleTemplateWithRepositoryOutput{}, s.withTemplate(call, in.ApprovalRuleTemplateName, func(tx *store.Tx, t *template) error {
		return associate(tx, call, t, in.RepositoryName)
	})
}

func (s *Service) disassociateApprovalRuleTemplateFromRepository(call *aws.Call, in *api.DisassociateApprovalRuleTemplateFromRepositoryInput) (*api.DisassociateApprovalRuleTemplateFromRepositoryOutput, error) {
	if err := checkRepositoryName(in.RepositoryName); err != nil {
		return nil, err
	}
	return &api.DisassociateApprovalRuleTemplateFromRepositoryOutput{}, s.withTemplate(call, in.ApprovalRuleTemplateName, func(tx *store.Tx, t *template) error {
		return disassociate(tx, call, t, in.RepositoryName)
	})
}

// outcome is what became of one repository of a batch.
type outcome struct {
	name    string
	refusal *aws.Error
}

// eachRepository does something about a template and each of several repositories. What is refused for one does not keep
// it from being done for the others.
func (s *Service) eachRepository(call *aws.Call, templateName string, names []string, do func(tx *store.Tx, call *aws.Call, t *template, name string) error) ([]outcome, error) {
	switch n := len(names); {
	case n == 0:
		return nil, api.NewRepositoryNamesRequiredException("At least one repository name object is required, but was not specified.")
	case n > maxBatchTemplates:
		return nil, api.NewMaximumRepositoryNamesExceededException("The maximum number of allowed repository names was exceeded. Currently, this number is %d.",
			maxBatchTemplates)
	}
	var outcomes []outcome
	err := s.withTemplate(call, templateName, func(tx *store.Tx, t *template) error {
		outcomes = nil
		for _, name := range names {
			err := do(tx, call, t, name)
			o := outcome{name: name}
			if err != nil && !errors.As(err, &o.refusal) {
				return err
			}
			outcomes = append(outcomes, o)
		}
		return nil
	})
	return outcomes, err
}

func (s *Service) batchAssociateApprovalRuleTemplateWithRepositories(call *aws.Call, in *api.BatchAssociateApprovalRuleTemplateWithRepositoriesInput) (*api.BatchAssociateApprovalRuleTemplateWithRepositoriesOutput, error) {
	outcomes, err := s.eachRepository(call, in.ApprovalRuleTemplateName, in.RepositoryNames, associate)
	if err != nil {
		return nil, err
	}
	out := &api.BatchAssociateApprovalRuleTemplateWithRepositoriesOutput{
		AssociatedRepositoryNames: []string{}, Errors: []api.BatchAssociateApprovalRuleTemplateWithRepositoriesError{},
	}
	for _, o := range outcomes {
		if o.refusal == nil {
			out.AssociatedRepositoryNames = append(out.AssociatedRepositoryNames, o.name)
			continue
		}
		out.Errors = append(out.Errors, api.BatchAssociateApprovalRuleTemplateWithRepositoriesError{
			RepositoryName: &o.name, ErrorCode: &o.refusal.Code, ErrorMessage: &o.refusal.Message,
		})
	}
	return out, nil
}

func (s *Service) batchDisassociateApprovalRuleTemplateFromRepositories(call *aws.Call, in *api.BatchDisassociateApprovalRuleTemplateFromRepositoriesInput) (*api.BatchDisassociateApprovalRuleTemplateFromRepositoriesOutput, error) {
	outcomes, err := s.eachRepository(call, in.ApprovalRuleTemplateName, in.RepositoryNames, disassociate)
	if err != nil {
		return nil, err
	}
	out := &api.BatchDisassociateApprovalRuleTemplateFromRepositoriesOutput{
		DisassociatedRepositoryNames: []string{}, Errors: []api.BatchDisassociateApprovalRuleTemplateFromRepositoriesError{},
	}
	for _, o := range outcomes {
		if o.refusal == nil {
			out.DisassociatedRepositoryNames = append(out.DisassociatedRepositoryNames, o.name)
			continue
		}
		out.Errors = append(out.Errors, api.BatchDisassociateApprovalRuleTemplateFromRepositoriesError{
			RepositoryName: &o.name, ErrorCode: &o.refusal.Code, ErrorMessage: &o.refusal.Message,
		})
	}
	return out, nil
}

// listAssociatedApprovalRuleTemplatesForRepository lists the names of a repository's templates, in pages.
func (s *Service) listAssociatedApprovalRuleTemplatesForRepository(call *aws.Call, in *api.ListAssociatedApprovalRuleTemplatesForRepositoryInput) (*api.ListAssociatedApprovalRuleTemplatesForRepositoryOutput, error) {
	limit, err := resultsOf(in.MaxResults, templatesPage)
	if err != nil {
		return nil, err
	}
	row, err := s.row(call, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	r, err := afterID(store.K(row.ID), in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &api.ListAssociatedApprovalRuleTemplatesForRepositoryOutput{ApprovalRuleTemplateNames: []string{}}
	err = s.DB.View(call, func(tx *store.Tx) error {
		last := ""
		for a, err := range associationsByRepository.Scan(tx, r) {
			if err != nil {
				return err
			}
			if len(out.ApprovalRuleTemplateNames) == limit {
				out.NextToken = new(aws.EncodePageToken(last))
				return nil
			}
			t, err := templatesByID.First(tx, store.K(a.TemplateID))
			if err != nil {
				return err
			}
			last = a.TemplateID
			out.ApprovalRuleTemplateNames = append(out.ApprovalRuleTemplateNames, t.Name)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// afterID is the range behind the id that a page token holds.
func afterID(prefix store.Key, token *string) (store.Range, error) {
	r := store.Range{Prefix: prefix}
	if deref(token) == "" {
		return r, nil
	}
	parts, err := aws.DecodePageToken(*token, 1)
	if err != nil {
		return r, invalidToken()
	}
	r.From = prefix.With(parts[0]).End()
	return r, nil
}

// listRepositoriesForApprovalRuleTemplate lists the names of the repositories that a template is associated with, in pages.
func (s *Service) listRepositoriesForApprovalRuleTemplate(call *aws.Call, in *api.ListRepositoriesForApprovalRuleTemplateInput) (*api.ListRepositoriesForApprovalRuleTemplateOutput, error) {
	limit, err := resultsOf(in.MaxResults, templatesPage)
	if err != nil {
		return nil, err
	}
	if err := checkTemplateName(in.ApprovalRuleTemplateName); err != nil {
		return nil, err
	}
	out := &api.ListRepositoriesForApprovalRuleTemplateOutput{RepositoryNames: []string{}}
	err = s.DB.View(call, func(tx *store.Tx) error {
		t, err := getTemplate(tx, call, in.ApprovalRuleTemplateName)
		if err != nil {
			return err
		}
		r, err := afterID(store.K(t.ID), in.NextToken)
		if err != nil {
			return err
		}
		last := ""
		for a, err := range associations.Scan(tx, r) {
			if err != nil {
				return err
			}
			if len(out.RepositoryNames) == limit {
				out.NextToken = new(aws.EncodePageToken(last))
				return nil
			}
			row, err := repositoriesByID.First(tx, store.K(a.RepositoryID))
			if err != nil {
				return err
			}
			last = a.RepositoryID
			out.RepositoryNames = append(out.RepositoryNames, row.Name)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
