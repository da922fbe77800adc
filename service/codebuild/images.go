package codebuild

import (
	"slices"
	"strings"

	api "drydock/api/codebuild"
	"drydock/aws"
)

// platform is a curated system with its images. Each has the tools of all languages, so each is listed under each.
type platform struct {
	name   api.PlatformType
	images []curatedImage
}

type curatedImage struct{ name, description string }

// languages are what the curated images are made for.
var languages = []api.LanguageType{
	api.LanguageTypeJava, api.LanguageTypePython, api.LanguageTypeNodeJs, api.LanguageTypeRuby, api.LanguageTypeGolang,
	api.LanguageTypeDocker, api.LanguageTypeAndroid, api.LanguageTypeDotnet, api.LanguageTypePhp, api.LanguageTypeBase,
}

// platforms are the curated images of "Docker images provided by CodeBuild", earlier generations included.
var platforms = []platform{
	{api.PlatformTypeAmazonLinux, []curatedImage{
		{"aws/codebuild/amazonlinux-x86_64-standard:5.0", "AWS CodeBuild - Amazon Linux 2023 x86_64 standard image, version 5"},
		{"aws/codebuild/amazonlinux2-x86_64-standard:5.0", "AWS CodeBuild - Amazon Linux 2023 x86_64 standard image, version 5"},
		{"aws/codebuild/amazonlinux2-x86_64-standard:4.0", "AWS CodeBuild - Amazon Linux 2 x86_64 standard image, version 4"},
		{"aws/codebuild/amazonlinux2-x86_64-standard:3.0", "AWS CodeBuild - Amazon Linux 2 x86_64 standard image, version 3"},
		{"aws/codebuild/amazonlinux2-x86_64-standard:2.0", "AWS CodeBuild - Amazon Linux 2 x86_64 standard image, version 2"},
		{"aws/codebuild/amazonlinux2-x86_64-standard:1.0", "AWS CodeBuild - Amazon Linux 2 x86_64 standard image, version 1"},
		{"aws/codebuild/amazonlinux2-aarch64-standard:3.0", "AWS CodeBuild - Amazon Linux 2023 aarch64 standard image, version 3"},
		{"aws/codebuild/amazonlinux2-aarch64-standard:2.0", "AWS CodeBuild - Amazon Linux 2 aarch64 standard image, version 2"},
		{"aws/codebuild/amazonlinux2-aarch64-standard:1.0", "AWS CodeBuild - Amazon Linux 2 aarch64 standard image, version 1"},
	}},
	{api.PlatformTypeUbuntu, []curatedImage{
		{"aws/codebuild/standard:7.0", "AWS CodeBuild - Ubuntu 22.04 standard image, version 7"},
		{"aws/codebuild/standard:6.0", "AWS CodeBuild - Ubuntu 22.04 standard image, version 6"},
		{"aws/codebuild/standard:5.0", "AWS CodeBuild - Ubuntu 20.04 standard image, version 5"},
		{"aws/codebuild/standard:4.0", "AWS CodeBuild - Ubuntu 18.04 standard image, version 4"},
		{"aws/codebuild/standard:3.0", "AWS CodeBuild - Ubuntu 18.04 standard image, version 3"},
		{"aws/codebuild/standard:2.0", "AWS CodeBuild - Ubuntu 18.04 standard image, version 2"},
		{"aws/codebuild/standard:1.0", "AWS CodeBuild - Ubuntu 18.04 standard image, version 1"},
	}},
	{api.PlatformTypeWindowsServer, []curatedImage{
		{"aws/codebuild/windows-base:2019-3.0", "AWS CodeBuild - Windows Server Core 2019 base image, version 3"},
		{"aws/codebuild/windows-base:2019-2.0", "AWS CodeBuild - Windows Server Core 2019 base image, version 2"},
		{"aws/codebuild/windows-base:2019-1.0", "AWS CodeBuild - Windows Server Core 2019 base image, version 1"},
		{"aws/codebuild/windows-base:2.0", "AWS CodeBuild - Windows Server Core 2016 base image, version 2"},
		{"aws/codebuild/windows-base:1.0", "AWS CodeBuild - Windows Server Core 2016 base image, version 1"},
	}},
}

// curated tells whether a name is that of a curated Linux image. A name may be more exact than the list, as in
// "standard:7.0-24.10.29".
func curated(image string) bool {
	for _, p := range platforms {
		if p.name == api.PlatformTypeWindowsServer {
			continue
		}
		for _, i := range p.images {
			name, _, _ := strings.Cut(i.name, ":")
			given, tag, ok := strings.Cut(image, ":")
			if ok && given == name && (image == i.name || strings.HasPrefix(image, i.name+"-") || tag == "latest") {
				return true
			}
		}
	}
	// The images of Lambda compute are one for each language and version.
	return strings.HasPrefix(image, "aws/codebuild/amazonlinux-x86_64-lambda-standard:") ||
		strings.HasPrefix(image, "aws/codebuild/amazonlinux-aarch64-lambda-standard:")
}

// listCuratedEnvironmentImages lists the curated images by system and language.
func (s *Service) listCuratedEnvironmentImages(*aws.Call, *api.ListCuratedEnvironmentImagesInput) (*api.ListCuratedEnvironmentImagesOutput, error) {
	out := &api.ListCuratedEnvironmentImagesOutput{}
	for _, p := range platforms {
		shown := api.EnvironmentPlatform{Platform: new(p.name)}
		for _, language := range languages {
			if p.name == api.PlatformTypeWindowsServer && !slices.Contains([]api.LanguageType{api.LanguageTypeBase, api.LanguageTypeDotnet}, language) {
				continue
			}
			l := api.EnvironmentLanguage{Language: new(language)}
			for _, i := range p.images {
				_, version, _ := strings.Cut(i.name, ":")
				l.Images = append(l.Images, api.EnvironmentImage{
					Name: new(i.name), Description: new(i.description), Versions: []string{i.name + "-" + version},
				})
			}
			shown.Languages = append(shown.Languages, l)
		}
		out.Platforms = append(out.Platforms, shown)
	}
	return out, nil
}
