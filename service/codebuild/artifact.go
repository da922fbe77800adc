package codebuild

import (
	"archive/zip"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	api "drydock/api/codebuild"
	"drydock/api/s3"
	"drydock/lang/buildspec"
)

// output is one artifact of a build: where it goes, and which files it is.
type output struct {
	config *api.ProjectArtifacts
	spec   buildspec.Artifacts // with its expressions expanded
	key    string
}

// shownArtifacts is an output as a build shows it before it is there.
func shownArtifacts(a *api.ProjectArtifacts, id string) *api.BuildArtifacts {
	out := &api.BuildArtifacts{Location: new(""), ArtifactIdentifier: a.ArtifactIdentifier}
	if a.Type == api.ArtifactsTypeS3 {
		out.EncryptionDisabled, out.OverrideArtifactName = a.EncryptionDisabled, new(value(a.OverrideArtifactName))
		out.Location = new(artifactARN(a, artifactKey(a, id[strings.LastIndexByte(id, ':')+1:], value(a.Name))))
	}
	return out
}

func artifactARN(a *api.ProjectArtifacts, key string) string {
	return "arn:aws:s3:::" + value(a.Location) + "/" + key
}

// artifactKey is the object's key, or the folder's where files are not packed: path, build id and name, as configured.
func artifactKey(a *api.ProjectArtifacts, uuid, name string) string {
	parts := []string{value(a.Path)}
	if value(a.NamespaceType) == api.ArtifactNamespaceBuildID {
		parts = append(parts, uuid)
	}
	return strings.Trim(path.Join(append(parts, name)...), "/")
}

// uploadArtifacts delivers the reports and outputs and saves the cache. What is left to say by the build's shell is said
// first; then the machine is stopped, so that nothing changes the files any more.
func (r *run) uploadArtifacts(ctx context.Context) *failure {
	reports, err := r.reportPlans(ctx)
	if err != nil {
		return clientError("%v", err)
	}
	outputs, f := r.outputs(ctx)
	if f != nil && len(reports) == 0 {
		return f
	}
	cachePaths, cacheName, err := r.cachePlan(ctx)
	if err != nil {
		r.log.printf("Unable to save cache: %v", err)
	}
	if len(outputs) == 0 && len(cachePaths) == 0 && len(reports) == 0 {
		return nil
	}
	r.shell.abandon()
	if err := r.machine.Stop(ctx); err != nil {
		return fault(err)
	}
	root, err := r.machine.OpenRoot("/")
	if err != nil {
		return fault(err)
	}
	defer root.Close()
	if failed := r.uploadReports(ctx, root, reports); f == nil {
		f = failed
	}
	if f != nil {
		return f
	}
	for i := range outputs {
		if f := r.upload(ctx, root, &outputs[i]); f != nil {
			return f
		}
	}
	if len(cachePaths) > 0 {
		if err := r.saveCache(ctx, root, cachePaths, cacheName); err != nil {
			r.log.printf("Unable to save cache: %s", serviceError(err))
		}
	}
	return nil
}

// outputs are the artifacts to deliver.
func (r *run) outputs(ctx context.Context) ([]output, *failure) {
	var found []output
	configs := []*api.ProjectArtifacts{&r.b.ArtifactsConfig}
	for i := range r.b.SecondaryArtifactsConfig {
		configs = append(configs, &r.b.SecondaryArtifactsConfig[i])
	}
	for i, c := range configs {
		if c.Type != api.ArtifactsTypeS3 {
			continue
		}
		spec := buildspec.Artifacts{}
		if r.spec.Artifacts != nil {
			spec = *r.spec.Artifacts
		}
		if i > 0 {
			secondary := spec.Secondary
			spec = buildspec.Artifacts{}
			for _, s := range secondary {
				if s.Identifier == value(c.ArtifactIdentifier) {
					spec = s
				}
			}
		}
		if len(spec.Files) == 0 {
			return nil, clientError("%v", buildspec.ErrNoFiles)
		}
		name := value(c.Name)
		if value(c.OverrideArtifactName) && spec.Name != "" {
			name = spec.Name
		}
		if name == "" {
			name = *r.b.Detail.ProjectName
		}
		expanded := append([]string{name, spec.BaseDirectory, spec.S3Prefix}, spec.Files...)
		for j := range expanded {
			text, err := r.expand(ctx, expanded[j])
			if err != nil {
				return nil, clientError("%v", err)
			}
			if j > 0 && path.IsAbs(text) {
				text = r.inMachine(text)
			}
			expanded[j] = text
		}
		spec.BaseDirectory, spec.Files = expanded[1], expanded[3:]
		found = append(found, output{config: c, spec: spec, key: artifactKey(c, r.b.uuid(), path.Join(expanded[2], expanded[0]))})
	}
	return found, nil
}

// inMachine is the machine's own name for a path that its processes may know by another.
func (r *run) inMachine(p string) string {
	if top := strings.TrimSuffix(r.machine.Path("/"), "/"); top != "" {
		if rest, ok := strings.CutPrefix(p, top); ok {
			return path.Clean("/" + rest)
		}
	}
	return p
}

// upload selects an output's files and delivers them.
func (r *run) upload(ctx context.Context, root *os.Root, o *output) *failure {
	base := o.spec.BaseDirectory
	if base == "" {
		base = "."
	}
	r.log.printf("Expanding base directory path: %s", base)
	r.log.printf("Assembling file list")
	r.log.printf("Expanding %s", base)
	selected, err := buildspec.Select(root.FS(), o.spec.Select(strings.TrimPrefix(r.sources[0].dir, "/")))
	if !errors.Is(err, buildspec.ErrNoBase) {
		r.log.printf("Expanding file paths for base directory %s", base)
		r.log.printf("Assembling file list")
		for _, pattern := range o.spec.Files {
			r.log.printf("Expanding %s", pattern)
		}
		for _, pattern := range selected.Unmatched {
			r.log.printf("Skipping invalid file path %s", pattern)
		}
	}
	if err != nil {
		return clientError("%v", err)
	}
	r.log.printf("Found %d file(s)", len(selected.Files))
	location, shown := artifactARN(o.config, o.key), api.BuildArtifacts{}
	if value(o.config.Packaging) == api.ArtifactPackagingZip {
		shown.Sha256sum, shown.Md5sum, err = r.uploadZip(ctx, root, o, selected.Files)
	} else {
		err = r.uploadFiles(ctx, root, o, selected.Files)
	}
	if err != nil {
		name := value(o.config.ArtifactIdentifier)
		if name == "" {
			name = "primary"
		}
		return clientError("Error in UPLOAD_ARTIFACTS phase: [%s: [%s]]", name, serviceError(err))
	}
	err = r.update(ctx, func(b *build, _ time.Time) {
		to := b.Detail.Artifacts
		for i := range b.Detail.SecondaryArtifacts {
			if id := value(o.config.ArtifactIdentifier); id != "" && id == value(b.Detail.SecondaryArtifacts[i].ArtifactIdentifier) {
				to = &b.Detail.SecondaryArtifacts[i]
			}
		}
		to.Location, to.Sha256sum, to.Md5sum = &location, shown.Sha256sum, shown.Md5sum
	})
	if err != nil {
		return fault(err)
	}
	return nil
}

// encrypt asks for encryption with the build's key, as is the default for everything a build stores. The default key,
// alias/aws/s3, is S3's own.
func (r *run) encrypt(in *s3.PutObjectInput) {
	encryptWith(in, value(r.b.Detail.EncryptionKey))
}

// encryptWith asks for encryption with a KMS key; alias/aws/s3 is S3's own.
func encryptWith(in *s3.PutObjectInput, key string) {
	in.ServerSideEncryption = new(s3.ServerSideEncryptionAes256)
	if key != "" && key != "alias/aws/s3" && !strings.HasSuffix(key, ":alias/aws/s3") {
		in.ServerSideEncryption, in.SSEKMSKeyID = new(s3.ServerSideEncryptionAWSKMS), &key
	}
}

func (r *run) putArtifact(ctx context.Context, o *output, key string, body io.Reader, size *int64) error {
	call, err := r.role.call(ctx)
	if err != nil {
		return err
	}
	in := &s3.PutObjectInput{Bucket: value(o.config.Location), Key: key, Body: body, ContentLength: size}
	if !value(o.config.EncryptionDisabled) {
		r.encrypt(in)
	}
	_, err = s3.PutObject.Do(call, in)
	return err
}

// uploadFiles stores each file as an object.
func (r *run) uploadFiles(ctx context.Context, root *os.Root, o *output, files []buildspec.File) error {
	for _, file := range files {
		if file.Link != "" {
			continue // S3 has no links
		}
		f, err := root.Open(file.Path)
		if err != nil {
			return err
		}
		info, err := f.Stat()
		if err == nil {
			err = r.putArtifact(ctx, o, strings.Trim(path.Join(o.key, file.Name), "/"), io.LimitReader(f, info.Size()), new(info.Size()))
		}
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return fmt.Errorf("%s: %w", file.Name, err)
		}
	}
	return nil
}

// uploadZip packs the files while they are sent, so that no room is needed for the package.
func (r *run) uploadZip(ctx context.Context, root *os.Root, o *output, files []buildspec.File) (sha, sum *string, err error) {
	reader, writer := io.Pipe()
	sha256sum, md5sum := sha256.New(), md5.New() // of which AWS shows both
	packed := make(chan struct{})
	go func() {
		defer close(packed)
		_ = writer.CloseWithError(zipFiles(io.MultiWriter(writer, sha256sum, md5sum), root, files))
	}()
	err = r.putArtifact(ctx, o, o.key, reader, nil)
	_ = reader.CloseWithError(errors.New("the upload has ended"))
	<-packed
	if err != nil {
		return nil, nil, err
	}
	return new(hex.EncodeToString(sha256sum.Sum(nil))), new(hex.EncodeToString(md5sum.Sum(nil))), nil
}

func zipFiles(w io.Writer, root *os.Root, files []buildspec.File) error {
	archive := zip.NewWriter(w)
	for _, file := range files {
		if err := zipFile(archive, root, file); err != nil {
			return fmt.Errorf("%s: %w", file.Name, err)
		}
	}
	return archive.Close()
}

func zipFile(archive *zip.Writer, root *os.Root, file buildspec.File) error {
	if file.Link != "" {
		header := &zip.FileHeader{Name: file.Name}
		header.SetMode(fs.ModeSymlink | 0o777)
		w, err := archive.CreateHeader(header)
		if err != nil {
			return err
		}
		_, err = io.WriteString(w, file.Link)
		return err
	}
	f, err := root.Open(file.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	header, err := zip.FileInfoHeader(info)
	if err != nil {
		return err
	}
	header.Name, header.Method = file.Name, zip.Deflate
	w, err := archive.CreateHeader(header)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return err
}
