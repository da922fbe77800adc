package codebuild

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	api "drydock/api/codebuild"
	"drydock/api/s3"
	"drydock/aws"
	"drydock/blob"
	"drydock/lang/buildspec"
	"drydock/store"
	"drydock/task"
)

// localCache is what a project's builds keep on this host for the next one.
type localCache struct {
	ProjectID string
	// Name tells caches of different keys apart.
	Name  string
	Blob  blob.Ref
	Saved time.Time
}

var localCaches = store.NewTable("codebuild/cache", func(c *localCache) store.Key { return store.K(c.ProjectID, c.Name) })

// dropCache forgets a project's local caches; their bytes go by task.
func (s *Service) dropCache(tx *store.Tx, projectID string, now time.Time) error {
	for c, err := range localCaches.Scan(tx, store.Range{Prefix: store.K(projectID)}) {
		if err != nil {
			return err
		}
		if _, err := localCaches.Delete(tx, localCaches.Key(c)); err != nil {
			return err
		}
		if err := s.Tasks.Schedule(tx, garbageTask, c.Blob.ID, now, nil); err != nil {
			return err
		}
	}
	return nil
}

// holds tells which of some blobs are caches. A log's spool is used by the process alone that made it.
func (s *Service) holds(ctx context.Context, ids []string) (map[string]bool, error) {
	held := map[string]bool{}
	return held, s.DB.View(ctx, func(tx *store.Tx) error {
		clear(held)
		for c, err := range localCaches.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			if slices.Contains(ids, c.Blob.ID) {
				held[c.Blob.ID] = true
			}
		}
		return nil
	})
}

// reconcileGarbage deletes the blob that the task is named by.
func (s *Service) reconcileGarbage(ctx context.Context, t task.Task) (task.Next, error) {
	return task.Done, s.Blobs.Delete(ctx, t.Key)
}

// caches tells whether the build has a cache that keeps files, and where.
func (r *run) caches() (local, inS3 bool) {
	c := r.b.Detail.Cache
	if c == nil || len(r.spec.Cache.Paths) == 0 {
		return false, false
	}
	return c.Type == api.CacheTypeLocal && slices.Contains(c.Modes, api.CacheModeLocalCustomCache), c.Type == api.CacheTypeS3
}

// cacheName names the cache by its key, if it has one.
func (r *run) cacheName(ctx context.Context) (string, error) {
	if r.spec.Cache.Key == "" {
		return "cache", nil
	}
	return r.cacheOfKey(ctx, r.spec.Cache.Key)
}

// cacheOfKey names the cache of a key, so that the cache of a key's beginning is the beginning of its name.
func (r *run) cacheOfKey(ctx context.Context, key string) (string, error) {
	key, err := r.expand(ctx, key)
	if len(key) > maxCacheKey {
		err = errors.Join(err, fmt.Errorf("the cache key is longer than %d bytes", maxCacheKey))
	}
	return "key/" + url.PathEscape(key), err
}

// cachePlan is what to keep at the end of the build.
func (r *run) cachePlan(ctx context.Context) (paths []string, name string, err error) {
	local, inS3 := r.caches()
	if !local && !inS3 || r.failed || r.spec.Cache.Action == "restore" {
		return nil, "", nil
	}
	if name, err = r.cacheName(ctx); err != nil {
		return nil, "", err
	}
	for _, p := range r.spec.Cache.Paths {
		if p, err = r.expand(ctx, p); err != nil {
			return nil, "", err
		}
		if path.IsAbs(p) {
			p = r.inMachine(p)
		}
		paths = append(paths, p)
	}
	return paths, name, nil
}

// s3Cache is the object that keeps the cache. As at AWS its name tells nothing of the project but its id.
func (r *run) s3Cache(name string) (bucket, key string) {
	bucket, prefix, _ := strings.Cut(value(r.b.Detail.Cache.Location), "/")
	owner := r.b.ProjectID
	if n := value(r.b.Detail.Cache.CacheNamespace); n != "" {
		owner = n
	}
	return bucket, strings.TrimPrefix(path.Join(prefix, owner, name+cacheSuffix), "/")
}

// restoreCache puts what an earlier build kept into the machine. Files of the source are not replaced.
func (r *run) restoreCache(ctx context.Context) error {
	local, inS3 := r.caches()
	if !local && !inS3 || r.spec.Cache.Action == "save" {
		return nil
	}
	name, err := r.cacheName(ctx)
	if err != nil {
		return err
	}
	content, err := r.openCache(ctx, name, local)
	if r.spec.Cache.Key != "" {
		for _, key := range r.spec.Cache.FallbackKeys {
			if err != nil || content != nil {
				break
			}
			content, err = r.openFallback(ctx, key, local)
		}
	}
	if err != nil || content == nil {
		return err
	}
	defer content.Close()
	root, err := r.machine.OpenRoot("/")
	if err != nil {
		return err
	}
	defer root.Close()
	return r.unpackCache(root, content)
}

// openFallback opens the cache that was saved last of those whose keys begin with a fallback key, or returns nil.
func (r *run) openFallback(ctx context.Context, key string, local bool) (io.ReadCloser, error) {
	prefix, err := r.cacheOfKey(ctx, key)
	if err != nil {
		return nil, err
	}
	name, latest := "", time.Time{}
	if local {
		err := r.s.DB.View(ctx, func(tx *store.Tx) error {
			for c, err := range localCaches.Scan(tx, store.Range{Prefix: store.K(r.b.ProjectID)}) {
				if err != nil {
					return err
				}
				if strings.HasPrefix(c.Name, prefix) && !c.Saved.Before(latest) {
					name, latest = c.Name, c.Saved
				}
			}
			return nil
		})
		if err != nil || name == "" {
			return nil, err
		}
		return r.openCache(ctx, name, local)
	}
	bucket, begin := r.s3Cache(prefix)
	begin = strings.TrimSuffix(begin, cacheSuffix)
	in := &s3.ListObjectsV2Input{Bucket: bucket, Prefix: &begin}
	for {
		call, err := r.role.call(ctx)
		if err != nil {
			return nil, err
		}
		page, err := s3.ListObjectsV2.Do(call, in)
		if err != nil {
			return nil, err
		}
		for _, o := range page.Contents {
			if rest, ok := strings.CutPrefix(value(o.Key), begin); ok && !value(o.LastModified).Before(latest) {
				name, latest = prefix+strings.TrimSuffix(rest, cacheSuffix), value(o.LastModified)
			}
		}
		if in.ContinuationToken = page.NextContinuationToken; in.ContinuationToken == nil {
			break
		}
	}
	if name == "" {
		return nil, nil
	}
	return r.openCache(ctx, name, local)
}

// cacheSuffix ends the names of caches in S3.
const cacheSuffix = ".tar.gz"

// openCache opens the cache, or returns nil when there is none yet.
func (r *run) openCache(ctx context.Context, name string, local bool) (io.ReadCloser, error) {
	if !local {
		call, err := r.role.call(ctx)
		if err != nil {
			return nil, err
		}
		bucket, key := r.s3Cache(name)
		out, err := s3.GetObject.Do(call, &s3.GetObjectInput{Bucket: bucket, Key: key})
		if aws.IsError(err, "NoSuchKey") {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return out.Body, nil
	}
	var ref blob.Ref
	err := r.s.DB.View(ctx, func(tx *store.Tx) error {
		c, err := localCaches.Get(tx, store.K(r.b.ProjectID, name))
		if err == nil {
			ref = c.Blob
		}
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	content, err := r.s.Blobs.Open(ctx, ref.ID)
	if errors.Is(err, blob.ErrNotFound) { // a build saved anew just now
		return nil, nil
	}
	return content, err
}

// Files of the cache are named from one of two places: the source folder, whose name differs from build to build, or
// the root.
const (
	cacheOfSource = "src/"
	cacheOfRoot   = "root/"
)

func (r *run) unpackCache(root *os.Root, content io.Reader) error {
	packed, err := gzip.NewReader(content)
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	left := budget{bytes: maxSourceBytes, files: maxSourceFiles}
	for archive := tar.NewReader(packed); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("cache: %w", err)
		}
		name, ofRoot := strings.CutPrefix(header.Name, cacheOfRoot)
		if rest, ok := strings.CutPrefix(header.Name, cacheOfSource); ok {
			name = path.Join(strings.TrimPrefix(r.sources[0].dir, "/"), path.Clean("/"+rest))
		} else if !ofRoot {
			return fmt.Errorf("cache: unknown name %q", header.Name)
		}
		switch header.Typeflag {
		case tar.TypeReg:
			err = writeNew(root, name, header.FileInfo().Mode().Perm()|0o600, archive, &left)
		case tar.TypeSymlink:
			err = linkNew(root, name, header.Linkname, &left)
		}
		if err != nil {
			return fmt.Errorf("cache: %s: %w", header.Name, err)
		}
	}
}

// saveCache keeps the files that the paths match.
func (r *run) saveCache(ctx context.Context, root *os.Root, paths []string, name string) error {
	source := strings.TrimPrefix(r.sources[0].dir, "/")
	selected, err := buildspec.Select(root.FS(), buildspec.Selection{Root: source, Files: paths, KeepLinks: true})
	if errors.Is(err, buildspec.ErrNoFiles) {
		r.log.printf("No cache files were found")
		return nil
	}
	if err != nil {
		return err
	}
	if local, _ := r.caches(); local {
		return r.saveLocal(ctx, root, selected.Files, name)
	}
	call, err := r.role.call(ctx)
	if err != nil {
		return err
	}
	reader, writer := io.Pipe()
	packed := make(chan struct{})
	go func() {
		defer close(packed)
		_ = writer.CloseWithError(packCache(writer, root, source, selected.Files))
	}()
	bucket, key := r.s3Cache(name)
	in := &s3.PutObjectInput{Bucket: bucket, Key: key, Body: reader}
	r.encrypt(in)
	_, err = s3.PutObject.Do(call, in)
	_ = reader.CloseWithError(errors.New("the upload has ended"))
	<-packed
	return err
}

func (r *run) saveLocal(ctx context.Context, root *os.Root, files []buildspec.File, name string) error {
	w, err := r.s.Blobs.Create(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = w.Abort() }()
	if err := packCache(w, root, strings.TrimPrefix(r.sources[0].dir, "/"), files); err != nil {
		return err
	}
	ref, err := w.Commit()
	if err != nil {
		return err
	}
	now := r.s.Clock.Now()
	return r.s.DB.Update(ctx, func(tx *store.Tx) error {
		p, err := projects.Get(tx, store.K(r.b.Account, r.b.Region, *r.b.Detail.ProjectName))
		if errors.Is(err, store.ErrNotFound) || err == nil && p.ID != r.b.ProjectID {
			return r.s.Tasks.Schedule(tx, garbageTask, ref.ID, now, nil) // the project, or its cache, went meanwhile
		}
		if err != nil {
			return err
		}
		next := &localCache{ProjectID: r.b.ProjectID, Name: name, Blob: ref, Saved: now}
		old, err := localCaches.Get(tx, localCaches.Key(next))
		if err == nil {
			err = r.s.Tasks.Schedule(tx, garbageTask, old.Blob.ID, now, nil)
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		return localCaches.Put(tx, next)
	})
}

func packCache(w io.Writer, root *os.Root, source string, files []buildspec.File) error {
	packed := gzip.NewWriter(w)
	archive := tar.NewWriter(packed)
	for _, file := range files {
		name := cacheOfRoot + file.Path
		if rest, ok := strings.CutPrefix(file.Path, source+"/"); ok {
			name = cacheOfSource + rest
		}
		if err := packFile(archive, root, file, name); err != nil {
			return fmt.Errorf("%s: %w", file.Path, err)
		}
	}
	return errors.Join(archive.Close(), packed.Close())
}

func packFile(archive *tar.Writer, root *os.Root, file buildspec.File, name string) error {
	if file.Link != "" {
		return archive.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: file.Link, Mode: 0o777})
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
	if !info.Mode().IsRegular() {
		return fs.ErrInvalid
	}
	if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: info.Size(), Mode: int64(info.Mode().Perm())}); err != nil {
		return err
	}
	_, err = io.CopyN(archive, f, info.Size())
	return err
}
