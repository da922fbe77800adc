package codebuild

import (
	"net/http"
	"testing"

	api "drydock/api/codebuild"
)

func FuzzReadEvent(f *testing.F) {
	f.Add(0, "push", []byte(`{"ref":"refs/heads/main","after":"b","commits":[{"added":["a"]}],"repository":{"full_name":"me/shop"},"sender":{"id":7}}`))
	f.Add(0, "pull_request", []byte(`{"action":"closed","pull_request":{"number":3,"merged":true,"head":{"ref":"x"},"base":{"ref":"y"}}}`))
	f.Add(0, "release", []byte(`{"action":"released","release":{"tag_name":"v1","name":"one"}}`))
	f.Add(1, "repo:push", []byte(`{"push":{"changes":[{"new":{"type":"tag","name":"v1","target":{"hash":"b"}},"old":null}]}}`))
	f.Add(1, "pullrequest:created", []byte(`{"pullrequest":{"id":1,"source":{"branch":{"name":"x"}}}}`))
	f.Add(2, "Push Hook", []byte(`{"ref":"refs/heads/main","after":"b","commits":[{"id":"b","message":"m"}]}`))
	f.Add(2, "Merge Request Hook", []byte(`{"object_attributes":{"iid":5,"action":"update","oldrev":"a"}}`))
	kinds := []api.SourceType{api.SourceTypeGithub, api.SourceTypeBitbucket, api.SourceTypeGitlab}
	f.Fuzz(func(t *testing.T, kind int, name string, body []byte) {
		if kind < 0 || kind >= len(kinds) {
			return
		}
		header := http.Header{}
		for _, key := range []string{"X-Github-Event", "X-Event-Key", "X-Gitlab-Event"} {
			header.Set(key, name)
		}
		e, err := readEvent(kinds[kind], header, body)
		if err != nil {
			return
		}
		w := api.Webhook{FilterGroups: [][]api.WebhookFilter{{{Type: api.WebhookFilterTypeEvent, Pattern: "PUSH"}, {Type: api.WebhookFilterTypeHeadRef, Pattern: "."}}}}
		if selects(&w, e) && (e.name != eventPush || e.headRef == "") {
			t.Errorf("selected %+v", e)
		}
		_ = ofSource(e.repository, "https://example.com/me/shop.git")
	})
}
