package codecommit

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"drydock/api/s3"
	"drydock/aws"
	"drydock/engine/git"
)

func invalidCode(format string, args ...any) error {
	return aws.NewError(400, "InvalidRequest", "Code of the repository: "+format, args...)
}

// commitCode makes the first commit of a repository resource: the files of a ZIP archive in S3, read as the caller.
func (s *Service) commitCode(call *aws.Call, repository string, code *codeProperty) error {
	branch := code.BranchName
	if branch == "" {
		branch = "main"
	}
	if err := checkBranchName(branch); err != nil {
		return err
	}
	in := &s3.GetObjectInput{Bucket: code.S3.Bucket, Key: code.S3.Key}
	if code.S3.ObjectVersion != "" {
		in.VersionID = &code.S3.ObjectVersion
	}
	object, err := s3.GetObject.Do(call, in)
	if err != nil {
		return err
	}
	archive, err := io.ReadAll(io.LimitReader(object.Body, maxCode+1))
	if closed := object.Body.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("read the code of a repository: %w", err)
	}
	changes, err := unpack(archive)
	if err != nil {
		return err
	}
	_, err = s.commit(call, edit{repository: repository, branch: branch, changes: changes, unsaid: "Initial commit by AWS CloudFormation"})
	return err
}

// unpack returns the files of a ZIP archive as changes of an empty repository.
func unpack(archive []byte) ([]git.FileChange, error) {
	if len(archive) > maxCode {
		return nil, invalidCode("the archive is larger than %d bytes.", maxCode)
	}
	files, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, invalidCode("the object is no ZIP archive.")
	}
	if len(files.File) > maxCodeFiles {
		return nil, invalidCode("the archive has more than %d files.", maxCodeFiles)
	}
	var changes []git.FileChange
	left := int64(maxCode)
	for _, file := range files.File {
		if strings.HasSuffix(file.Name, "/") {
			continue
		}
		change := git.FileChange{Action: git.Put, Path: file.Name, Mode: git.ModeFile}
		switch mode := file.Mode(); {
		case mode&fs.ModeSymlink != 0:
			change.Mode = git.ModeSymlink
		case mode&0o111 != 0:
			change.Mode = git.ModeExecutable
		}
		if change.Content, err = unpackFile(file, left); err != nil {
			return nil, err
		}
		left -= int64(len(change.Content))
		changes = append(changes, change)
	}
	if len(changes) == 0 {
		return nil, invalidCode("the archive has no files.")
	}
	return changes, nil
}

// unpackFile returns the content of a file that has at most limit bytes, whatever the archive says of its size.
func unpackFile(file *zip.File, limit int64) ([]byte, error) {
	in, err := file.Open()
	if err != nil {
		return nil, invalidCode("the file %.100s cannot be read.", file.Name)
	}
	content, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err = errors.Join(err, in.Close()); err != nil {
		return nil, invalidCode("the file %.100s is damaged.", file.Name)
	}
	if int64(len(content)) > limit {
		return nil, invalidCode("the files have more than %d bytes.", maxCode)
	}
	return content, nil
}
