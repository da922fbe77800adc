package codebuild

import (
	"context"
	"errors"
	"net/url"
	"strings"

	api "drydock/api/codebuild"
	"drydock/aws"
	"drydock/store"
)

// sourceCredential lets builds fetch from a source provider. There is one for each kind of server.
type sourceCredential struct {
	Account, Region string
	Server          api.ServerType
	AuthType        api.AuthType
	Username        string
	// Token is sealed under the key of the data directory.
	Token []byte
}

var sourceCredentials = store.NewTable("codebuild/credential", func(c *sourceCredential) store.Key {
	return store.K(c.Account, c.Region, string(c.Server))
})

func (c *sourceCredential) arn() string {
	return place{c.Account, c.Region, ""}.arn("token/" + strings.ToLower(string(c.Server)))
}

// sealContext ties the sealed token to its row.
func (c *sourceCredential) sealContext() []byte { return []byte(c.arn()) }

// importSourceCredentials stores the token for a kind of server, in place of an earlier one unless asked otherwise.
func (s *Service) importSourceCredentials(call *aws.Call, in *api.ImportSourceCredentialsInput) (*api.ImportSourceCredentialsOutput, error) {
	c := &sourceCredential{Account: call.Account, Region: call.Region, Server: in.ServerType, AuthType: in.AuthType, Username: value(in.Username)}
	switch {
	case in.AuthType == api.AuthTypeCodeconnections || in.AuthType == api.AuthTypeSecretsManager:
		return nil, notImplemented("source credentials of type " + string(in.AuthType))
	case in.AuthType == api.AuthTypeOAuth:
		return nil, api.NewInvalidInputException("Auth type OAUTH is not supported by the API")
	case in.AuthType == api.AuthTypeBasicAuth && in.ServerType != api.ServerTypeBitbucket:
		return nil, api.NewInvalidInputException("Auth type BASIC_AUTH is not supported for server type %s", in.ServerType)
	case in.AuthType == api.AuthTypeBasicAuth && c.Username == "":
		return nil, api.NewInvalidInputException("Username must be specified for auth type BASIC_AUTH")
	}
	c.Token = s.Keys.Wrap([]byte(in.Token), c.sealContext())
	err := s.DB.Update(call, func(tx *store.Tx) error {
		exists, err := sourceCredentials.Has(tx, sourceCredentials.Key(c))
		if err != nil {
			return err
		}
		if exists && in.ShouldOverwrite != nil && !*in.ShouldOverwrite {
			return api.NewResourceAlreadyExistsException("Access token with server type %s already exists. Delete its source credential and try again.", in.ServerType)
		}
		return sourceCredentials.Put(tx, c)
	})
	if err != nil {
		return nil, err
	}
	return &api.ImportSourceCredentialsOutput{ARN: new(c.arn())}, nil
}

// listSourceCredentials lists what there is, without the tokens.
func (s *Service) listSourceCredentials(call *aws.Call, _ *api.ListSourceCredentialsInput) (*api.ListSourceCredentialsOutput, error) {
	var out *api.ListSourceCredentialsOutput
	err := s.DB.View(call, func(tx *store.Tx) error {
		out = &api.ListSourceCredentialsOutput{SourceCredentialsInfos: []api.SourceCredentialsInfo{}}
		for c, err := range sourceCredentials.Scan(tx, store.Range{Prefix: store.K(call.Account, call.Region)}) {
			if err != nil {
				return err
			}
			out.SourceCredentialsInfos = append(out.SourceCredentialsInfos, api.SourceCredentialsInfo{ARN: new(c.arn()), ServerType: &c.Server, AuthType: &c.AuthType})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// deleteSourceCredentials forgets a token.
func (s *Service) deleteSourceCredentials(call *aws.Call, in *api.DeleteSourceCredentialsInput) (*api.DeleteSourceCredentialsOutput, error) {
	arn, err := aws.ParseARN(in.ARN)
	server, ok := strings.CutPrefix(arn.Resource, "token/")
	if err != nil || arn.Service != "codebuild" || !ok {
		return nil, api.NewInvalidInputException("Invalid source credentials ARN: %s", in.ARN)
	}
	err = s.DB.Update(call, func(tx *store.Tx) error {
		existed := false
		if arn.Account == call.Account && arn.Region == call.Region {
			if existed, err = sourceCredentials.Delete(tx, store.K(call.Account, call.Region, strings.ToUpper(server))); err != nil {
				return err
			}
		}
		if !existed {
			return api.NewResourceNotFoundException("Source credentials not found: %s", in.ARN)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteSourceCredentialsOutput{ARN: &in.ARN}, nil
}

// hostOf is the only host that gets the tokens of a public service. The others' are where the project says.
var hostOf = map[api.ServerType]string{
	api.ServerTypeGithub: "github.com", api.ServerTypeBitbucket: "bitbucket.org", api.ServerTypeGitlab: "gitlab.com",
}

// fetchCredential is the user name and token for fetching from a source, or nothing.
func (s *Service) fetchCredential(ctx context.Context, account, region string, kind api.SourceType, location string) (username, token string, err error) {
	server := api.ServerType(kind) // which are named alike
	u, err := url.Parse(location)
	if err != nil || u.User != nil {
		return "", "", nil // a malformed location is refused where it is fetched from
	}
	if host := hostOf[server]; host != "" && (u.Scheme != "https" || u.Hostname() != host && u.Hostname() != "www."+host) {
		return "", "", nil
	}
	var c *sourceCredential
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		c, err = sourceCredentials.Get(tx, store.K(account, region, string(server)))
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return "", "", nil
	}
	if err != nil {
		return "", "", err
	}
	text, err := s.Keys.Unwrap(c.Token, c.sealContext())
	if err != nil {
		return "", "", err
	}
	if username = c.Username; username == "" {
		switch server {
		case api.ServerTypeGitlab, api.ServerTypeGitlabSelfManaged:
			username = "oauth2"
		case api.ServerTypeGithub, api.ServerTypeGithubEnterprise, api.ServerTypeBitbucket:
			username = "x-token-auth"
		}
	}
	return username, string(text), nil
}
