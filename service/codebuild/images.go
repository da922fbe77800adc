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
		{"aws/codebuild/amazonlinux-x86_64-standard:4.0", "AWS CodeBuild - Amazon Linux 2 x86_64 standard image, version 4"},
		{"aws/codebuild/amazonlinux-aarch64-standard:3.0", "AWS CodeBuild - Amazon Linux 2023 aarch64 standard image, version 3"},
		{"aws/codebuild/amazonlinux-aarch64-standard:2.0", "AWS CodeBuild - Amazon Linux 2 aarch64 standard image, version 2"},
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
		{"aws/codebuild/windows-base:2022-1.0", "AWS CodeBuild - Windows Server Core 2022 base image, version 1"},
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
	name, tag, _ := strings.Cut(image, ":")
	switch name {
	case "aws/codebuild/amazonlinux-x86_64-lambda-standard", "aws/codebuild/amazonlinux-aarch64-lambda-standard":
		for _, tags := range lambdaTags {
			if slices.Contains(tags, tag) {
				return true
			}
		}
	case "aws/codebuild/ami/amazonlinux-x86_64-base", "aws/codebuild/ami/amazonlinux-arm-base":
		return tag == "latest" // the images of EC2 compute
	}
	return false
}

// lambdaTags are those of the images of Lambda compute, one for each version of a language.
var lambdaTags = map[api.LanguageType][]string{
	api.LanguageTypeJava:   {"corretto21", "corretto17", "corretto11"},
	api.LanguageTypePython: {"python3.13", "python3.12", "python3.11"},
	api.LanguageTypeNodeJs: {"nodejs22", "nodejs20", "nodejs18"},
	api.LanguageTypeRuby:   {"ruby3.4", "ruby3.2"},
	api.LanguageTypeGolang: {"go1.24", "go1.21"},
	api.LanguageTypeDotnet: {"dotnet8", "dotnet6"},
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
			if p.name == api.PlatformTypeAmazonLinux {
				for _, processor := range []string{"x86_64", "aarch64"} {
					for _, tag := range lambdaTags[language] {
						name := "aws/codebuild/amazonlinux-" + processor + "-lambda-standard:" + tag
						l.Images = append(l.Images, api.EnvironmentImage{
							Name: &name, Description: new("AWS CodeBuild - Amazon Linux " + processor + " Lambda image for " + tag), Versions: []string{name},
						})
					}
				}
			}
			shown.Languages = append(shown.Languages, l)
		}
		out.Platforms = append(out.Platforms, shown)
	}
	return out, nil
}
