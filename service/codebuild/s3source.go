package codebuild

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"drydock/api/s3"
)

// fetchS3 brings in a source from S3: a ZIP file, or a folder as it is.
func (r *run) fetchS3(ctx context.Context, src *source) *failure {
	bucket, key, _ := splitS3(src.location)
	root, err := r.machine.OpenRoot("/")
	if err != nil {
		return fault(err)
	}
	defer root.Close()
	dir, err := root.OpenRoot(strings.TrimPrefix(src.dir, "/"))
	if err != nil {
		return fault(err)
	}
	defer dir.Close()
	if strings.HasSuffix(key, "/") {
		err = r.fetchFolder(ctx, dir, bucket, key)
	} else {
		err = r.fetchZip(ctx, root, dir, bucket, key, src)
	}
	if err != nil {
		which := "primary source"
		if src.id != "" {
			which = "secondary source " + src.id
		}
		return clientError("%s for %s and source version %s", serviceError(err), which, "arn:aws:s3:::"+bucket+"/"+key)
	}
	return nil
}

func (r *run) fetchFolder(ctx context.Context, dir *os.Root, bucket, prefix string) error {
	in := &s3.ListObjectsV2Input{Bucket: bucket, Prefix: &prefix}
	left := budget{bytes: maxSourceBytes, files: maxSourceFiles}
	for {
		call, err := r.role.call(ctx)
		if err != nil {
			return err
		}
		page, err := s3.ListObjectsV2.Do(call, in)
		if err != nil {
			return err
		}
		for _, o := range page.Contents {
			key := value(o.Key)
			name := strings.TrimPrefix(key, prefix)
			if name == "" || strings.HasSuffix(name, "/") {
				continue
			}
			out, err := s3.GetObject.Do(call, &s3.GetObjectInput{Bucket: bucket, Key: key})
			if err != nil {
				return err
			}
			err = writeNew(dir, name, 0o644, out.Body, &left)
			if closeErr := out.Body.Close(); err == nil {
				err = closeErr
			}
			if err != nil {
				return err
			}
		}
		if in.ContinuationToken = page.NextContinuationToken; in.ContinuationToken == nil {
			return nil
		}
	}
}

// fetchZip unpacks an object. It is kept in the machine's scratch folder for that time, where it cannot be left behind.
func (r *run) fetchZip(ctx context.Context, root, dir *os.Root, bucket, key string, src *source) error {
	call, err := r.role.call(ctx)
	if err != nil {
		return err
	}
	in := &s3.GetObjectInput{Bucket: bucket, Key: key}
	if src.version != "" {
		in.VersionID = &src.version
	}
	out, err := s3.GetObject.Do(call, in)
	if err != nil {
		return err
	}
	defer out.Body.Close()
	src.resolved = value(out.VersionID)
	name := path.Join(strings.TrimPrefix(scratch, "/"), "source.zip")
	f, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = errors.Join(f.Close(), root.Remove(name)) }()
	size, err := io.Copy(f, io.LimitReader(out.Body, maxSourceBytes))
	if err != nil {
		return err
	}
	archive, err := zip.NewReader(f, size)
	if err != nil {
		return fmt.Errorf("the source is no ZIP file: %w", err)
	}
	left := budget{bytes: maxSourceBytes, files: maxSourceFiles}
	for _, entry := range archive.File {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := unzip(dir, entry, &left); err != nil {
			return fmt.Errorf("%s: %w", entry.Name, err)
		}
	}
	return nil
}

func unzip(dir *os.Root, entry *zip.File, left *budget) error {
	if strings.HasSuffix(entry.Name, "/") {
		name := filepath.FromSlash(path.Clean(entry.Name))
		if !filepath.IsLocal(name) {
			return errors.New("the name leads out of the source")
		}
		return dir.MkdirAll(name, 0o755)
	}
	content, err := entry.Open()
	if err != nil {
		return err
	}
	defer content.Close()
	mode := entry.Mode()
	if mode&fs.ModeSymlink != 0 {
		target, err := io.ReadAll(io.LimitReader(content, 4096))
		if err != nil {
			return err
		}
		return linkNew(dir, entry.Name, string(target), left)
	}
	if !mode.IsRegular() {
		return nil
	}
	return writeNew(dir, entry.Name, mode.Perm()|0o600, content, left)
}

// budget is how much may still be unpacked.
type budget struct {
	bytes int64
	files int
}

func (b *budget) takeFile() error {
	if b.files--; b.files < 0 {
		return fmt.Errorf("more than %d files", maxSourceFiles)
	}
	return nil
}

// writeNew writes a file that is not there yet; one that is stays. Names cannot lead out of the folder.
func writeNew(dir *os.Root, name string, mode fs.FileMode, content io.Reader, left *budget) error {
	name = filepath.FromSlash(path.Clean(name))
	if !filepath.IsLocal(name) {
		return fmt.Errorf("%s leads out of the folder", name)
	}
	if err := left.takeFile(); err != nil {
		return err
	}
	if err := dir.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	n, err := io.Copy(f, io.LimitReader(content, left.bytes+1))
	if left.bytes -= n; err == nil && left.bytes < 0 {
		err = fmt.Errorf("more than %d bytes", int64(maxSourceBytes))
	}
	return errors.Join(err, f.Close())
}

// linkNew makes a symbolic link, whatever it points at: it means something in the machine only.
func linkNew(dir *os.Root, name, target string, left *budget) error {
	name = filepath.FromSlash(path.Clean(name))
	if !filepath.IsLocal(name) {
		return fmt.Errorf("%s leads out of the folder", name)
	}
	if err := left.takeFile(); err != nil {
		return err
	}
	if err := dir.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if err := dir.Symlink(target, name); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
