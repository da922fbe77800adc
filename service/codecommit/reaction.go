package codecommit

import (
	"errors"
	"strings"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/store"
)

// reaction is a user's emoji under a comment.
type reaction struct {
	CommentID, UserARN string
	// Reaction is the name in reactionCounts, such as "THUMBSUP".
	Reaction string
}

var (
	reactionsByName = store.NewIndex("name", func(r *reaction) []store.Key {
		return []store.Key{store.K(r.CommentID, r.Reaction, r.UserARN)}
	})
	reactions = store.NewTable("codecommit/reaction", func(r *reaction) store.Key { return store.K(r.CommentID, r.UserARN) }, reactionsByName)
)

// emoji is one of the reactions that CodeCommit knows, in the ways a request may spell it.
type emoji struct{ graphic, shortCode, unicode string }

// emojis are the reactions. The user guide's table is an image of them; the names are those of its examples and of the
// console.
var emojis = []emoji{
	{"👍", "thumbsup", "U+1F44D"},
	{"👎", "thumbsdown", "U+1F44E"},
	{"😄", "smile", "U+1F604"},
	{"❤️", "heart", "U+2764"},
	{"😠", "angry", "U+1F620"},
	{"😕", "confused", "U+1F615"},
	{"😱", "scream", "U+1F631"},
	{"😴", "sleeping", "U+1F634"},
	{"👏", "clap", "U+1F44F"},
	{"🎊", "confetti_ball", "U+1F38A"},
}

func (e emoji) name() string { return strings.ToUpper(e.shortCode) }

func (e emoji) show() *api.ReactionValueFormats {
	return &api.ReactionValueFormats{Emoji: &e.graphic, ShortCode: &e.shortCode, Unicode: &e.unicode}
}

// parseReaction returns the name of a reaction: of its graphic, short code or code point. "" and "none" take it back.
func parseReaction(value string) (string, error) {
	text := strings.Trim(value, ":")
	if text == "" || strings.EqualFold(text, "none") {
		return "", nil
	}
	for _, e := range emojis {
		if strings.TrimSuffix(text, "\ufe0f") == strings.TrimSuffix(e.graphic, "\ufe0f") || strings.EqualFold(text, e.shortCode) || strings.EqualFold(text, e.unicode) {
			return e.name(), nil
		}
	}
	return "", api.NewInvalidReactionValueException("The value of the reaction is not valid: %.50s", value)
}

// putCommentReaction sets, replaces or takes back the caller's reaction to a comment.
func (s *Service) putCommentReaction(call *aws.Call, in *api.PutCommentReactionInput) (*api.PutCommentReactionOutput, error) {
	name, err := parseReaction(in.ReactionValue)
	if err != nil {
		return nil, err
	}
	if _, err := s.comment(call, in.CommentID); err != nil {
		return nil, err
	}
	err = s.DB.Update(call, func(tx *store.Tx) error {
		c, _, err := getCommentRow(tx, call, in.CommentID)
		if err != nil {
			return err
		}
		if c.Deleted {
			return commentDeleted()
		}
		r := &reaction{CommentID: c.ID, UserARN: call.Principal.ARN, Reaction: name}
		was, err := reactions.Get(tx, reactions.Key(r))
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if c.Reactions == nil {
			c.Reactions = map[string]int32{}
		}
		if was != nil {
			if c.Reactions[was.Reaction]--; c.Reactions[was.Reaction] <= 0 {
				delete(c.Reactions, was.Reaction)
			}
		}
		if name == "" {
			if _, err := reactions.Delete(tx, reactions.Key(r)); err != nil {
				return err
			}
			return comments.Put(tx, c)
		}
		c.Reactions[name]++
		if err := reactions.Put(tx, r); err != nil {
			return err
		}
		return comments.Put(tx, c)
	})
	if err != nil {
		return nil, err
	}
	return &api.PutCommentReactionOutput{}, nil
}

// getCommentReactions lists who reacted to a comment, by reaction and in pages of users.
func (s *Service) getCommentReactions(call *aws.Call, in *api.GetCommentReactionsInput) (*api.GetCommentReactionsOutput, error) {
	limit, err := resultsOf(in.MaxResults, reactionsPage)
	if err != nil {
		return nil, err
	}
	if in.ReactionUserARN != nil {
		if _, err := aws.ParseARN(*in.ReactionUserARN); err != nil {
			return nil, api.NewInvalidReactionUserARNException("The Amazon Resource Name (ARN) of the user or identity is not valid.")
		}
	}
	c, err := s.comment(call, in.CommentID)
	if err != nil {
		return nil, err
	}
	if c.Deleted {
		return nil, commentDeleted()
	}
	out := &api.GetCommentReactionsOutput{ReactionsForComment: []api.ReactionForComment{}}
	if in.ReactionUserARN != nil {
		return out, s.DB.View(call, func(tx *store.Tx) error {
			r, err := reactions.Get(tx, store.K(c.ID, *in.ReactionUserARN))
			if errors.Is(err, store.ErrNotFound) {
				return nil
			}
			if err == nil {
				out.ReactionsForComment = []api.ReactionForComment{showReaction(r.Reaction, []string{r.UserARN})}
			}
			return err
		})
	}
	prefix := store.K(c.ID)
	r := store.Range{Prefix: prefix}
	if token := deref(in.NextToken); token != "" {
		parts, err := aws.DecodePageToken(token, 2)
		if err != nil {
			return nil, invalidToken()
		}
		r.From = prefix.With(parts[0], parts[1]).End()
	}
	err = s.DB.View(call, func(tx *store.Tx) error {
		out.ReactionsForComment, out.NextToken = []api.ReactionForComment{}, nil
		count := 0
		var group []string
		var last *reaction
		end := func() {
			if last != nil {
				out.ReactionsForComment = append(out.ReactionsForComment, showReaction(last.Reaction, group))
			}
			group = nil
		}
		defer end()
		for r, err := range reactionsByName.Scan(tx, r) {
			if err != nil {
				return err
			}
			if count == limit {
				out.NextToken = new(aws.EncodePageToken(last.Reaction, last.UserARN))
				return nil
			}
			if last != nil && last.Reaction != r.Reaction {
				end()
			}
			group, last = append(group, r.UserARN), r
			count++
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func showReaction(name string, users []string) api.ReactionForComment {
	shown := api.ReactionForComment{ReactionUsers: users, ReactionsFromDeletedUsersCount: new(int32(0))}
	for _, e := range emojis {
		if e.name() == name {
			shown.Reaction = e.show()
		}
	}
	return shown
}
