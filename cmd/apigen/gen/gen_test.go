package gen

import (
	"bytes"
	"flag"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"drydock/cmd/apigen/model"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the expected files in testdata")

// TestGenerate_Features generates a package from the model in each testdata file and compares all files.
func TestGenerate_Features(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Fatal("no testdata")
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := generate(t, archive.Files[0].Data)
			if *rewrite {
				archive.Files = archive.Files[:1]
				for _, name := range slices.Sorted(maps.Keys(got)) {
					archive.Files = append(archive.Files, txtar.File{Name: name, Data: got[name]})
				}
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want := map[string]string{}
			for _, f := range archive.Files[1:] {
				want[f.Name] = string(f.Data)
			}
			have := map[string]string{}
			for name, data := range got {
				have[name] = string(data)
			}
			if diff := cmp.Diff(want, have); diff != "" {
				t.Errorf("generated files (-want +got):\n%s", diff)
			}
		})
	}
}

func generate(t *testing.T, source []byte) map[string][]byte {
	t.Helper()
	m := load(t, source)
	files, err := Generate(m, Options{Package: "service"})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func load(t *testing.T, source []byte) *model.Model {
	t.Helper()
	tree, err := model.ParseTree(source)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Load(tree)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestGenerate_WritesGrants(t *testing.T) {
	t.Parallel()
	m := load(t, []byte(`{"metadata": {"protocol": "json"}, "shapes": {}, "operations": {
		"Get": {"name": "Get", "http": {"method": "POST", "requestUri": "/"}}}}`))
	files, err := Generate(m, Options{Package: "service", Grants: map[string][]Grant{"Get": {
		{Action: "x:Get", Resources: []string{"arn:a", "arn:b"}, Keys: []string{"x:k=p"}, When: "p"}, {Action: "x:Two"},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`{Action: "x:Get", Resources: []string{"arn:a", "arn:b"}, Keys: []string{"x:k=p"}, When: "p"},`,
		`{Action: "x:Two"},`,
	} {
		if !bytes.Contains(files["operations_gen.go"], []byte(want)) {
			t.Errorf("no %s in\n%s", want, files["operations_gen.go"])
		}
	}
}

func TestGenerate_RefusesModelsItCannotExpress(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ shapes, protocol, want string }{
		"list of itself": {
			shapes: `"In": {"type": "structure", "members": {"a": {"shape": "L"}}}, "L": {"type": "list", "member": {"shape": "L"}}`,
			want:   "contains itself",
		},
		"map with numbers as keys": {
			shapes: `"In": {"type": "structure", "members": {"a": {"shape": "M"}}},
				"M": {"type": "map", "key": {"shape": "I"}, "value": {"shape": "I"}}, "I": {"type": "integer"}`,
			want: "keys of type integer",
		},
		"comma in a name": {
			shapes: `"In": {"type": "structure", "members": {"a": {"shape": "I", "locationName": "a,b"}}}, "I": {"type": "integer"}`,
			want:   "comma",
		},
		"unknown location": {
			shapes: `"In": {"type": "structure", "members": {"a": {"shape": "I", "location": "cookie"}}}, "I": {"type": "integer"}`,
			want:   "cookie",
		},
		"unknown protocol": {shapes: `"In": {"type": "structure", "members": {}}`, protocol: "soap", want: "soap"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			protocol := test.protocol
			if protocol == "" {
				protocol = "json"
			}
			m := load(t, []byte(`{"metadata": {"protocol": "`+protocol+`"}, "shapes": {`+test.shapes+`}, "operations": {
				"Op": {"name": "Op", "http": {"method": "POST", "requestUri": "/"}, "input": {"shape": "In"}}}}`))
			_, err := Generate(m, Options{Package: "service"})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestGoName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"RepositoryId": "RepositoryID", "repositoryIds": "RepositoryIDs", "KMSKeyId": "KMSKeyID", "SSEKMSKeyId": "SSEKMSKeyID",
		"cloneUrlHttp": "CloneURLHTTP", "kmsKeyArn": "KMSKeyARN", "SourceArns": "SourceARNs", "ARNs": "ARNs", "vpcConfig": "VPCConfig",
		"Ipv6Addresses": "IPv6Addresses", "ETag": "ETag", "ChecksumSHA256": "ChecksumSHA256", "x-amz-acl": "XAmzACL",
		"IdentityProvider": "IdentityProvider", "Valid": "Valid", "S3BucketAcl": "S3BucketACL", "DBInstance": "DBInstance",
		"OpenIDConnectProvider": "OpenIDConnectProvider", "__string": "String", "2fa": "X2fa",
	} {
		if got := goName(in); got != want || !token.IsExported(got) {
			t.Errorf("goName(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestValueName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"IN_PROGRESS": "InProgress", "aws:kms": "AWSKMS", "AES256": "Aes256", "us-east-1": "UsEast1", "LINUX_GPU_CONTAINER": "LinuxGPUContainer",
		"s3:ObjectCreated:*": "S3ObjectCreatedAll", "1.5": "1_5", "15": "15", "": "Empty", ">=": "GreaterThanEqual", "?": "U3f", "InsertOnly": "InsertOnly",
	} {
		if got := valueName(in); got != want {
			t.Errorf("valueName(%q) = %q, want %q", in, got, want)
		}
	}
}
