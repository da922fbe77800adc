package codecommit

import "testing"

func TestInPool_MatchesAsTheUserGuideSays(t *testing.T) {
	t.Parallel()
	const (
		user      = "arn:aws:iam::123456789012:user/Mary_Major"
		pathUser  = "arn:aws:iam::123456789012:user/team/Mary_Major"
		federated = "arn:aws:sts::123456789012:federated-user/Mary_Major"
		session   = "arn:aws:sts::123456789012:assumed-role/CodeCommitReview/Mary_Major"
		stranger  = "arn:aws:iam::999999999999:user/Mary_Major"
		root      = "arn:aws:iam::123456789012:root"
	)
	for member, want := range map[string][]string{
		"CodeCommitApprovers:123456789012:Mary_Major":                  {user, pathUser, federated},
		"CodeCommitApprovers:123456789012:*Mary_Major":                 {user, pathUser, federated, session},
		"CodeCommitApprovers:123456789012:CodeCommitReview/*":          {session},
		"CodeCommitApprovers:123456789012:CodeCommitReview/Mary_Major": {session},
		"CodeCommitApprovers:123456789012:user/*":                      {user, pathUser},
		"CodeCommitApprovers:123456789012:root":                        {root},
		"arn:aws:sts::123456789012:assumed-role/CodeCommitReview/*":    {session},
		user: {user},
	} {
		for _, arn := range []string{user, pathUser, federated, session, stranger, root} {
			in := false
			for _, w := range want {
				in = in || w == arn
			}
			if inPool(member, arn) != in {
				t.Errorf("%s is in %s: %v, want %v", arn, member, !in, in)
			}
		}
	}
}
