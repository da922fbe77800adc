package sdk

import (
	"errors"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codecommit"
	"github.com/aws/aws-sdk-go-v2/service/codecommit/types"
)

// TestCodeCommit_OrdinaryUse makes commits by the API alone, and reads them back.
func TestCodeCommit_OrdinaryUse(t *testing.T) {
	t.Parallel()
	_, root := start(t)
	client := codecommit.NewFromConfig(root)
	for i := range 3 {
		if _, err := client.CreateRepository(t.Context(), &codecommit.CreateRepositoryInput{RepositoryName: aws.String(fmt.Sprintf("repo-%d", i))}); err != nil {
			t.Fatal(err)
		}
	}
	repo := aws.String("repo-0")
	_, err := client.CreateRepository(t.Context(), &codecommit.CreateRepositoryInput{RepositoryName: repo})
	if _, ok := errors.AsType[*types.RepositoryNameExistsException](err); !ok {
		t.Errorf("got %v, want RepositoryNameExists", err)
	}
	names := 0
	for p := codecommit.NewListRepositoriesPaginator(client, &codecommit.ListRepositoriesInput{}); p.HasMorePages(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		names += len(page.Repositories)
	}
	if names != 3 {
		t.Errorf("listed %d repositories", names)
	}
	first, err := client.CreateCommit(t.Context(), &codecommit.CreateCommitInput{
		RepositoryName: repo, BranchName: aws.String("main"), CommitMessage: aws.String("Begin"),
		PutFiles: []types.PutFileEntry{
			{FilePath: aws.String("README.md"), FileContent: []byte("# Read me\n")},
			{FilePath: aws.String("bin/run"), FileContent: []byte{0, 1, 0xff}, FileMode: types.FileModeTypeEnumExecutable},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	second, err := client.CreateCommit(t.Context(), &codecommit.CreateCommitInput{
		RepositoryName: repo, BranchName: aws.String("main"), ParentCommitId: first.CommitId,
		PutFiles:    []types.PutFileEntry{{FilePath: aws.String("README.md"), FileContent: []byte("# Changed\n")}},
		DeleteFiles: []types.DeleteFileEntry{{FilePath: aws.String("bin/run")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.CreateCommit(t.Context(), &codecommit.CreateCommitInput{
		RepositoryName: repo, BranchName: aws.String("main"), ParentCommitId: first.CommitId,
		PutFiles: []types.PutFileEntry{{FilePath: aws.String("x"), FileContent: []byte("x")}},
	})
	if _, ok := errors.AsType[*types.ParentCommitIdOutdatedException](err); !ok {
		t.Errorf("got %v, want ParentCommitIdOutdated", err)
	}
	changes := map[string]types.ChangeTypeEnum{}
	for p := codecommit.NewGetDifferencesPaginator(client, &codecommit.GetDifferencesInput{
		RepositoryName: repo, BeforeCommitSpecifier: first.CommitId, AfterCommitSpecifier: second.CommitId, MaxResults: aws.Int32(1),
	}); p.HasMorePages(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page.Differences {
			blob := d.AfterBlob
			if blob == nil {
				blob = d.BeforeBlob
			}
			changes[*blob.Path] = d.ChangeType
		}
	}
	if len(changes) != 2 || changes["README.md"] != types.ChangeTypeEnumModified || changes["bin/run"] != types.ChangeTypeEnumDeleted {
		t.Errorf("got the differences %v", changes)
	}
	file, err := client.GetFile(t.Context(), &codecommit.GetFileInput{RepositoryName: repo, FilePath: aws.String("bin/run"), CommitSpecifier: first.CommitId})
	if err != nil {
		t.Fatal(err)
	}
	if string(file.FileContent) != "\x00\x01\xff" || file.FileMode != types.FileModeTypeEnumExecutable {
		t.Errorf("got the file %q, mode %s", file.FileContent, file.FileMode)
	}
	_, err = client.GetFile(t.Context(), &codecommit.GetFileInput{RepositoryName: repo, FilePath: aws.String("bin/run")})
	if _, ok := errors.AsType[*types.FileDoesNotExistException](err); !ok {
		t.Errorf("got %v, want FileDoesNotExist", err)
	}
}
