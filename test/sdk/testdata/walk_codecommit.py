"""Walks the paginators of CodeCommit, and what has pages without a paginator: python3 walk_codecommit.py

CodeCommit has no waiters. It needs a cloud of its own: the ids of pull requests are counted from 1.
"""

import json

import boto3
from botocore.exceptions import ClientError

codecommit = boto3.client("codecommit")


def equal(got, want, what):
    if got != want:
        raise SystemExit(f"{what}: {got!r}, want {want!r}")


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        equal(error.response["Error"]["Code"], code, call.__name__)
    else:
        raise SystemExit(f"no {code}")


def pages(operation, key, size=2, **arguments):
    """What a paginator finds, and in how many pages."""
    found = list(codecommit.get_paginator(operation).paginate(PaginationConfig={"PageSize": size} if size else {}, **arguments))
    return [item for page in found for item in page[key]], len(found)


def walk(call, key, **arguments):
    """The pages of an operation without a paginator."""
    found, token = [], {}
    while True:
        page = call(**arguments, **token)
        found += page[key]
        if "nextToken" not in page:
            return found
        token = {"nextToken": page["nextToken"]}


for name in ("app", "other"):
    codecommit.create_repository(repositoryName=name, repositoryDescription=f"The {name}")

heads = {}


def put(branch, path, content):
    arguments = {"parentCommitId": heads[branch]} if branch in heads else {}
    heads[branch] = codecommit.put_file(
        repositoryName="app", branchName=branch, filePath=path, fileContent=content, **arguments
    )["commitId"]
    return heads[branch]


first = put("main", "shared", b"1\n2\n3\n")
for i in range(105):
    codecommit.create_branch(repositoryName="app", branchName=f"b{i:03}", commitId=first)
codecommit.create_branch(repositoryName="app", branchName="topic", commitId=first)
heads["topic"] = first
for i in range(5):
    put("topic", f"dir/file{i}", b"content %d\n" % i)
put("topic", "shared", b"topic\n2\n3\n")
put("main", "shared", b"main\n2\n3\n")

equal(pages("list_repositories", "repositories", size=None)[0][0]["repositoryName"], "app", "repositories")
branches, count = pages("list_branches", "branches", size=None, repositoryName="app")
equal((len(branches), count), (107, 2), "branches")
differences, count = pages(
    "get_differences", "differences", repositoryName="app", beforeCommitSpecifier=first, afterCommitSpecifier="topic"
)
equal(([d["changeType"] for d in differences], count), (["A"] * 5 + ["M"], 3), "differences")
history = walk(codecommit.list_file_commit_history, "revisionDag", repositoryName="app", filePath="shared", maxResults=1)
equal([v["commit"]["commitId"] for v in history], [heads["main"], first], "history of a file")
equal(history[1]["revisionChildren"], [heads["main"]], "children")

# Pull requests and what happens to them.
target = [{"repositoryName": "app", "sourceReference": "topic", "destinationReference": "main"}]
pulls = [codecommit.create_pull_request(title=f"Pull {i}", targets=target)["pullRequest"] for i in range(5)]
codecommit.update_pull_request_status(pullRequestId="2", pullRequestStatus="CLOSED")
equal(pages("list_pull_requests", "pullRequestIds", repositoryName="app"), (["5", "4", "3", "2", "1"], 3), "pull requests")
open_ones, _ = pages("list_pull_requests", "pullRequestIds", repositoryName="app", pullRequestStatus="OPEN", authorArn=pulls[0]["authorArn"])
equal(open_ones, ["5", "4", "3", "1"], "open pull requests")
put("topic", "late", b"late\n")
rule = json.dumps({"Version": "2018-11-08", "Statements": [{"Type": "Approvers", "NumberOfApprovalsNeeded": 1}]})
codecommit.create_pull_request_approval_rule(pullRequestId="1", approvalRuleName="one", approvalRuleContent=rule)
events, count = pages("describe_pull_request_events", "pullRequestEvents", pullRequestId="1")
equal(
    ([e["pullRequestEventType"] for e in events], count),
    (["PULL_REQUEST_CREATED", "PULL_REQUEST_SOURCE_REFERENCE_UPDATED", "PULL_REQUEST_APPROVAL_RULE_CREATED"], 2),
    "events",
)
pull = codecommit.get_pull_request(pullRequestId="1")["pullRequest"]
equal(pull["pullRequestTargets"][0]["sourceCommit"], heads["topic"], "source after a commit")
if pull["revisionId"] == pulls[0]["revisionId"]:
    raise SystemExit("a new commit is no new revision")
refused("PullRequestCannotBeApprovedByAuthorException", codecommit.update_pull_request_approval_state,
        pullRequestId="1", revisionId=pull["revisionId"], approvalState="APPROVE")  # fmt: skip
refused("PullRequestApprovalRulesNotSatisfiedException", codecommit.merge_pull_request_by_squash, pullRequestId="1", repositoryName="app")
codecommit.override_pull_request_approval_rules(pullRequestId="1", revisionId=pull["revisionId"], overrideStatus="OVERRIDE")

# Conflicts, and how they are decided.
sides = {"repositoryName": "app", "sourceCommitSpecifier": "topic", "destinationCommitSpecifier": "main"}
conflicts = codecommit.get_merge_conflicts(mergeOption="THREE_WAY_MERGE", **sides)
equal([c["filePath"] for c in conflicts["conflictMetadataList"]], ["shared"], "conflicts")
described = walk(codecommit.batch_describe_merge_conflicts, "conflicts", mergeOption="THREE_WAY_MERGE", conflictDetailLevel="LINE_LEVEL", **sides)
equal(described[0]["mergeHunks"][0]["source"]["endLine"], 1, "hunk")
refused("ManualMergeRequiredException", codecommit.merge_pull_request_by_three_way, pullRequestId="1", repositoryName="app")
merged = codecommit.merge_pull_request_by_three_way(
    pullRequestId="1",
    repositoryName="app",
    conflictResolutionStrategy="AUTOMERGE",
    conflictResolution={"replaceContents": [{"filePath": "shared", "replacementType": "USE_NEW_CONTENT", "content": b"both\n"}]},
)["pullRequest"]
equal(merged["pullRequestTargets"][0]["mergeMetadata"]["mergeOption"], "THREE_WAY_MERGE", "merge")
equal(codecommit.get_file(repositoryName="app", filePath="shared")["fileContent"], b"both\n", "merged file")

# Comments and reactions.
compared = {"repositoryName": "app", "beforeCommitId": first, "afterCommitId": heads["topic"]}
for i in range(3):
    comment = codecommit.post_comment_for_compared_commit(content=f"comment {i}", **compared)["comment"]
    codecommit.post_comment_for_pull_request(pullRequestId="1", content=f"review {i}", **compared)
codecommit.post_comment_reply(inReplyTo=comment["commentId"], content="reply")
groups, count = pages("get_comments_for_compared_commit", "commentsForComparedCommitData", **compared)
equal(([c["content"] for g in groups for c in g["comments"]], count), (["comment 0", "comment 1", "comment 2", "reply"], 2), "comments")
groups, count = pages("get_comments_for_pull_request", "commentsForPullRequestData", pullRequestId="1")
equal(([c["content"] for g in groups for c in g["comments"]], count), (["review 0", "review 1", "review 2"], 2), "reviews")
codecommit.put_comment_reaction(commentId=comment["commentId"], reactionValue=":thumbsup:")
reactions = walk(codecommit.get_comment_reactions, "reactionsForComment", commentId=comment["commentId"], maxResults=1)
equal([r["reaction"]["unicode"] for r in reactions], ["U+1F44D"], "reactions")

# Templates and triggers.
for i in range(3):
    codecommit.create_approval_rule_template(approvalRuleTemplateName=f"t{i}", approvalRuleTemplateContent=rule)
    codecommit.associate_approval_rule_template_with_repository(approvalRuleTemplateName=f"t{i}", repositoryName="app")
batch = codecommit.batch_associate_approval_rule_template_with_repositories(approvalRuleTemplateName="t0", repositoryNames=["other", "none"])
equal((batch["associatedRepositoryNames"], batch["errors"][0]["errorCode"]), (["other"], "RepositoryDoesNotExistException"), "batch")
equal(walk(codecommit.list_approval_rule_templates, "approvalRuleTemplateNames", maxResults=2), ["t0", "t1", "t2"], "templates")
equal(
    sorted(walk(codecommit.list_associated_approval_rule_templates_for_repository, "approvalRuleTemplateNames", repositoryName="app", maxResults=2)),
    ["t0", "t1", "t2"],
    "templates of a repository",
)
equal(
    sorted(walk(codecommit.list_repositories_for_approval_rule_template, "repositoryNames", approvalRuleTemplateName="t0", maxResults=1)),
    ["app", "other"],
    "repositories of a template",
)
equal(len(codecommit.create_pull_request(title="with rules", targets=target)["pullRequest"]["approvalRules"]), 3, "rules of templates")
triggers = [{"name": f"t{i}", "destinationArn": f"arn:aws:sns:{codecommit.meta.region_name}:123456789012:t", "branches": [], "events": ["all"]} for i in range(11)]
refused("MaximumRepositoryTriggersExceededException", codecommit.put_repository_triggers, repositoryName="app", triggers=triggers)
configuration = codecommit.put_repository_triggers(repositoryName="app", triggers=triggers[:10])["configurationId"]
equal(codecommit.get_repository_triggers(repositoryName="app")["configurationId"], configuration, "triggers")
