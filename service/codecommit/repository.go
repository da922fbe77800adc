package codecommit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/blob/seal"
	"drydock/engine/git"
	"drydock/store"
	"drydock/task"
)

// taskDelete removes the files of a deleted repository, and taskCompact packs those of one that changed; the key is
// the repository's id.
const (
	taskDelete  = "codecommit.delete"
	taskCompact = "codecommit.compact"
)

// repository is a repository. Its default branch is git's HEAD.
type repository struct {
	Account, Region, Name string
	// ID is what the API calls repositoryId, and the name of the folder.
	ID                string
	Description       string
	Created, Modified time.Time
	Tags              map[string]string
	Encryption        encryption
	// OpenPulls counts the open pull requests.
	OpenPulls int
}

var (
	repositoriesByID     = store.NewIndex("id", func(r *repository) []store.Key { return []store.Key{store.K(r.ID)} })
	repositoriesByName   = store.NewIndex("name", func(r *repository) []store.Key { return []store.Key{store.K(r.Account, r.Name)} })
	repositoriesModified = store.NewIndex("modified", func(r *repository) []store.Key {
		return []store.Key{store.K(r.Account, r.Region, r.Modified)}
	})
	repositories = store.NewTable("codecommit/repository", func(r *repository) store.Key { return store.K(r.Account, r.Region, r.Name) },
		repositoriesByID, repositoriesByName, repositoriesModified)
)

func (r *repository) arn() string {
	return aws.ARN{Partition: aws.PartitionOf(r.Region), Service: "codecommit", Region: r.Region, Account: r.Account, Resource: r.Name}.String()
}

var repositoryName = regexp.MustCompile(`^[\w.-]+$`)

func checkRepositoryName(name string) error {
	switch {
	case name == "":
		return api.NewRepositoryNameRequiredException("A repository name is required, but no repository name was specified.")
	case len(name) > maxNameLength, !repositoryName.MatchString(name), strings.HasSuffix(name, ".git"):
		return api.NewInvalidRepositoryNameException("The repository name is not valid. Repository names can be any valid combination of " +
			"letters, numbers, periods, underscores, and dashes between 1 and 100 characters in length. Names are case sensitive. " +
			"For more information, see Limits in the AWS CodeCommit User Guide. ")
	}
	return nil
}

func checkDescription(text *string) error {
	if text != nil && utf8.RuneCountInString(*text) > maxDescriptionLength {
		return api.NewInvalidRepositoryDescriptionException("The specified repository description is not valid. "+
			"Descriptions can be up to %d characters long.", maxDescriptionLength)
	}
	return nil
}

func noRepository(name string) error {
	return api.NewRepositoryDoesNotExistException("%s does not exist", name)
}

func repositoryExists(name string) error {
	return api.NewRepositoryNameExistsException("Repository named %s already exists", name)
}

// getRow returns the caller's repository of that name.
func getRow(tx *store.Tx, call *aws.Call, name string) (*repository, error) {
	row, err := repositories.Get(tx, store.K(call.Account, call.Region, name))
	if errors.Is(err, store.ErrNotFound) {
		return nil, noRepository(name)
	}
	return row, err
}

// row checks the name and returns the caller's repository.
func (s *Service) row(call *aws.Call, name string) (row *repository, err error) {
	if err := checkRepositoryName(name); err != nil {
		return nil, err
	}
	err = s.DB.View(call, func(tx *store.Tx) (err error) {
		row, err = getRow(tx, call, name)
		return err
	})
	return row, err
}

// find checks the name and returns the caller's repository with its files.
func (s *Service) find(call *aws.Call, name string) (row *repository, files *git.Repository, err error) {
	if row, err = s.row(call, name); err != nil {
		return nil, nil, err
	}
	files, err = s.open(call, row)
	return row, files, err
}

// open returns a repository's files for a caller.
func (s *Service) open(call *aws.Call, row *repository) (*git.Repository, error) {
	keys, err := s.dataKey(call, row)
	if err != nil {
		return nil, err
	}
	return s.openUnder(call, row, keys)
}

// openOwn returns a repository's files for what the service does of its own accord; git.ErrNotFound when the repository is
// not there any more.
func (s *Service) openOwn(ctx context.Context, id string) (*git.Repository, error) {
	var row *repository
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		row, err = repositoriesByID.First(tx, store.K(id))
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, git.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	keys, err := s.ownKey(row)
	if err != nil {
		return nil, err
	}
	return s.git.Open(row.ID, keys)
}

// openUnder opens a repository's files. A crash may have left the row without them, then they are made now.
func (s *Service) openUnder(ctx context.Context, row *repository, keys *seal.RootKey) (*git.Repository, error) {
	files, err := s.git.Open(row.ID, keys)
	if !errors.Is(err, git.ErrNotFound) {
		return files, err
	}
	return s.create(ctx, row, keys)
}

// create makes a repository's files unless the row has gone, for then nobody would remove them.
func (s *Service) create(ctx context.Context, row *repository, keys *seal.RootKey) (*git.Repository, error) {
	files, err := s.git.Create(ctx, row.ID, keys)
	if errors.Is(err, git.ErrExists) {
		files, err = s.git.Open(row.ID, keys)
	}
	if err != nil {
		return nil, err
	}
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		_, err := repositoriesByID.First(tx, store.K(row.ID))
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		if err := s.git.Delete(ctx, row.ID); err != nil && !errors.Is(err, git.ErrNotFound) {
			return nil, err
		}
		return nil, noRepository(row.Name)
	}
	return files, err
}

// createRepository makes an empty repository.
func (s *Service) createRepository(call *aws.Call, in *api.CreateRepositoryInput) (*api.CreateRepositoryOutput, error) {
	if err := checkRepositoryName(in.RepositoryName); err != nil {
		return nil, err
	}
	if err := checkDescription(in.RepositoryDescription); err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	if err := s.git.Check(call); err != nil {
		return nil, fmt.Errorf("create repository: %w", err)
	}
	row := &repository{
		Account: call.Account, Region: call.Region, Name: in.RepositoryName, ID: call.NewUUID(),
		Description: deref(in.RepositoryDescription), Created: call.Now(), Modified: call.Now(), Tags: maps.Clone(in.Tags),
	}
	vacant := func(tx *store.Tx) error {
		exists, err := repositories.Has(tx, repositories.Key(row))
		if err == nil && exists {
			err = repositoryExists(row.Name)
		}
		return err
	}
	if err := s.DB.View(call, vacant); err != nil {
		return nil, err
	}
	if err := s.newDataKey(call, row, deref(in.KMSKeyID)); err != nil {
		return nil, err
	}
	err := s.DB.Update(call, func(tx *store.Tx) error {
		if err := vacant(tx); err != nil {
			return err
		}
		return repositories.Put(tx, row)
	})
	if err != nil {
		return nil, err
	}
	keys, err := s.ownKey(row)
	if err != nil {
		return nil, err
	}
	files, err := s.create(call, row, keys)
	if err != nil {
		return nil, err
	}
	shown, err := s.describe(call, row, files)
	return &api.CreateRepositoryOutput{RepositoryMetadata: shown}, err
}

// describe is the repository as the API shows it.
func (s *Service) describe(call *aws.Call, row *repository, files *git.Repository) (*api.RepositoryMetadata, error) {
	branch, err := files.DefaultBranch(call)
	if err != nil {
		return nil, fmt.Errorf("default branch of %s: %w", row.Name, err)
	}
	shown := &api.RepositoryMetadata{
		AccountID: &row.Account, RepositoryID: &row.ID, RepositoryName: &row.Name, ARN: new(row.arn()),
		CreationDate: &row.Created, LastModifiedDate: &row.Modified, KMSKeyID: &row.Encryption.KMSKey,
		CloneURLHTTP: new(s.Endpoint() + planePrefix + row.Name),
		CloneURLSSH:  new("ssh://git-codecommit." + row.Region + "." + domain(row.Region) + planePrefix + row.Name),
	}
	if row.Description != "" {
		shown.RepositoryDescription = &row.Description
	}
	if branch != "" {
		shown.DefaultBranch = &branch
	}
	return shown, nil
}

// domain is that of the region's endpoints.
func domain(region string) string {
	if aws.PartitionOf(region) == "aws-cn" {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

func (s *Service) getRepository(call *aws.Call, in *api.GetRepositoryInput) (*api.GetRepositoryOutput, error) {
	row, files, err := s.find(call, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	shown, err := s.describe(call, row, files)
	return &api.GetRepositoryOutput{RepositoryMetadata: shown}, err
}

// batchGetRepositories shows several repositories and names those that are not there.
func (s *Service) batchGetRepositories(call *aws.Call, in *api.BatchGetRepositoriesInput) (*api.BatchGetRepositoriesOutput, error) {
	switch n := len(in.RepositoryNames); {
	case n == 0:
		return nil, api.NewRepositoryNamesRequiredException("At least one repository name object is required, but was not specified.")
	case n > maxBatchRepositories:
		return nil, api.NewMaximumRepositoryNamesExceededException("The maximum number of allowed repository names was exceeded. "+
			"Currently, this number is %d.", maxBatchRepositories)
	}
	out := &api.BatchGetRepositoriesOutput{Repositories: []api.RepositoryMetadata{}, RepositoriesNotFound: []string{}, Errors: []api.BatchGetRepositoriesError{}}
	for _, name := range in.RepositoryNames {
		row, files, err := s.find(call, name)
		if aws.IsError(err, "RepositoryDoesNotExistException") {
			out.RepositoriesNotFound = append(out.RepositoriesNotFound, name)
			continue
		}
		if e, ok := errors.AsType[*aws.Error](err); ok && strings.HasPrefix(e.Code, "Encryption") {
			out.Errors = append(out.Errors, api.BatchGetRepositoriesError{
				RepositoryID: &row.ID, RepositoryName: &name, ErrorCode: new(api.BatchGetRepositoriesErrorCodeEnum(e.Code)), ErrorMessage: &e.Message,
			})
			continue
		}
		if err != nil {
			return nil, err
		}
		shown, err := s.describe(call, row, files)
		if err != nil {
			return nil, err
		}
		out.Repositories = append(out.Repositories, *shown)
	}
	return out, nil
}

// listRepositories lists repositories by name or by the time of their last change, in pages.
func (s *Service) listRepositories(call *aws.Call, in *api.ListRepositoriesInput) (*api.ListRepositoriesOutput, error) {
	byDate := false
	switch by := deref(in.SortBy); by {
	case "", api.SortByEnumRepositoryName:
	case api.SortByEnumLastModifiedDate:
		byDate = true
	default:
		return nil, api.NewInvalidSortByException("The specified sort by value is not valid.")
	}
	r := store.Range{Prefix: store.K(call.Account, call.Region)}
	switch order := deref(in.Order); order {
	case "", api.OrderEnumAscending:
	case api.OrderEnumDescending:
		r.Reverse = true
	default:
		return nil, api.NewInvalidOrderException("The specified sort order is not valid.")
	}
	if token := deref(in.NextToken); token != "" {
		after, err := pageStart(call, token, byDate)
		if err != nil {
			return nil, invalidToken()
		}
		r.After = after
	}
	out := &api.ListRepositoriesOutput{Repositories: []api.RepositoryNameIDPair{}}
	err := s.DB.View(call, func(tx *store.Tx) error {
		rows := repositories.Scan(tx, r)
		if byDate {
			rows = repositoriesModified.Scan(tx, r)
		}
		var last *repository
		for row, err := range rows {
			if err != nil {
				return err
			}
			if len(out.Repositories) == repositoriesPage {
				out.NextToken = new(aws.EncodePageToken(last.Name, last.Modified.Format(time.RFC3339Nano)))
				return nil
			}
			last = row
			out.Repositories = append(out.Repositories, api.RepositoryNameIDPair{RepositoryName: &row.Name, RepositoryID: &row.ID})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// pageStart is the position a page token stands for. It does not matter whether the repository is still there.
func pageStart(call *aws.Call, token string, byDate bool) (store.Key, error) {
	parts, err := aws.DecodePageToken(token, 2)
	if err != nil {
		return nil, err
	}
	modified, err := time.Parse(time.RFC3339Nano, parts[1])
	if err != nil {
		return nil, err
	}
	row := &repository{Account: call.Account, Region: call.Region, Name: parts[0], Modified: modified}
	if byDate {
		return repositoriesModified.Entry(row, store.K(row.Account, row.Region, row.Modified)), nil
	}
	return repositories.Key(row), nil
}

func invalidToken() error {
	return api.NewInvalidContinuationTokenException("The specified continuation token is not valid.")
}

// updateRepositoryName renames a repository; its id, files and tags stay.
func (s *Service) updateRepositoryName(call *aws.Call, in *api.UpdateRepositoryNameInput) (*api.UpdateRepositoryNameOutput, error) {
	for _, name := range []string{in.OldName, in.NewName} {
		if err := checkRepositoryName(name); err != nil {
			return nil, err
		}
	}
	err := s.DB.Update(call, func(tx *store.Tx) error {
		row, err := getRow(tx, call, in.OldName)
		if err != nil {
			return err
		}
		taken, err := repositories.Has(tx, store.K(call.Account, call.Region, in.NewName))
		if err != nil {
			return err
		}
		if taken {
			return repositoryExists(in.NewName)
		}
		if _, err := repositories.Delete(tx, repositories.Key(row)); err != nil {
			return err
		}
		row.Name, row.Modified = in.NewName, call.Now()
		return repositories.Put(tx, row)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateRepositoryNameOutput{}, nil
}

// updateRepositoryDescription sets or, without a description, removes a repository's description.
func (s *Service) updateRepositoryDescription(call *aws.Call, in *api.UpdateRepositoryDescriptionInput) (*api.UpdateRepositoryDescriptionOutput, error) {
	if err := checkRepositoryName(in.RepositoryName); err != nil {
		return nil, err
	}
	if err := checkDescription(in.RepositoryDescription); err != nil {
		return nil, err
	}
	err := s.DB.Update(call, func(tx *store.Tx) error {
		row, err := getRow(tx, call, in.RepositoryName)
		if err != nil {
			return err
		}
		row.Description, row.Modified = deref(in.RepositoryDescription), call.Now()
		return repositories.Put(tx, row)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateRepositoryDescriptionOutput{}, nil
}

// deleteRepository removes a repository. One that is not there is no error: the answer has no id then.
func (s *Service) deleteRepository(call *aws.Call, in *api.DeleteRepositoryInput) (*api.DeleteRepositoryOutput, error) {
	if err := checkRepositoryName(in.RepositoryName); err != nil {
		return nil, err
	}
	out := &api.DeleteRepositoryOutput{}
	err := s.DB.Update(call, func(tx *store.Tx) error {
		out.RepositoryID = nil
		row, err := repositories.Get(tx, store.K(call.Account, call.Region, in.RepositoryName))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		out.RepositoryID = &row.ID
		if err := s.Tasks.Cancel(tx, taskCompact, row.ID); err != nil {
			return err
		}
		if err := s.Tasks.Schedule(tx, taskDelete, row.ID, call.Now(), nil); err != nil {
			return err
		}
		if err := dissociate(tx, row.ID); err != nil {
			return err
		}
		_, err = repositories.Delete(tx, repositories.Key(row))
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// deleteFiles removes the files of a deleted repository, and what is left of it in the store.
func (s *Service) deleteFiles(ctx context.Context, t task.Task) (task.Next, error) {
	err := s.work(ctx, func(ctx context.Context) error { return s.git.Delete(ctx, t.Key) })
	if err != nil && !errors.Is(err, git.ErrNotFound) {
		return task.Done, err
	}
	return task.Done, s.purge(ctx, t.Key)
}

// compact packs the files of a repository that changed some time ago.
func (s *Service) compact(ctx context.Context, t task.Task) (task.Next, error) {
	files, err := s.openOwn(ctx, t.Key)
	if errors.Is(err, git.ErrNotFound) || errors.Is(err, errPlain) {
		return task.Done, nil
	}
	if err != nil {
		return task.Done, err
	}
	return task.Done, s.work(ctx, files.Compact)
}

// deref returns what p points to, or the zero value.
func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
