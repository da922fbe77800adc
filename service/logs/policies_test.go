package logs_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/ledger"
	"drydock/service/servicetest"
)

// protect is a data protection policy that audits to a destination and masks.
func protect(destination string, identifiers ...string) string {
	for i, id := range identifiers {
		identifiers[i] = fmt.Sprintf("%q", id)
	}
	list := strings.Join(identifiers, ",")
	return `{"Name":"p","Version":"2021-06-01","Statement":[
		{"Sid":"audit","DataIdentifier":[` + list + `],"Operation":{"Audit":{"FindingsDestination":` + destination + `}}},
		{"Sid":"mask","DataIdentifier":[` + list + `],"Operation":{"Deidentify":{"MaskConfig":{}}}}],
		"Configuration":{"CustomDataIdentifier":[{"Name":"Badge","Regex":"B-[0-9]{3}"}]}}`
}

const emailID = "arn:aws:dataprotection::aws:data-identifier/EmailAddress"

func messagesOf(t *testing.T, call *aws.Call, group, stream string, unmask bool) string {
	t.Helper()
	out, err := api.GetLogEvents.Do(call, &api.GetLogEventsInput{LogGroupName: &group, LogStreamName: stream, Unmask: &unmask})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range out.Events {
		all = append(all, *e.Message)
	}
	return strings.Join(all, "|")
}

func TestDataProtection_MasksAndReports(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CWL-02")
	_, call := newCloud(t)
	createGroup(t, call, "app")
	createGroup(t, call, "findings")
	createStream(t, call, "app", "one")
	document := protect(`{"CloudWatchLogs":{"LogGroup":"findings"}}`, emailID, "Badge")
	if _, err := api.PutDataProtectionPolicy.Do(call, &api.PutDataProtectionPolicyInput{LogGroupIdentifier: "app", PolicyDocument: document}); err != nil {
		t.Fatal(err)
	}
	putMessages(t, call, "app", "one", "from jo@example.com", "badge B-123", "nothing")
	if got, want := messagesOf(t, call, "app", "one", false), "from **************|badge *****|nothing"; got != want {
		t.Errorf("messages %q, want %q", got, want)
	}
	if got, want := messagesOf(t, call, "app", "one", true), "from jo@example.com|badge B-123|nothing"; got != want {
		t.Errorf("unmasked messages %q, want %q", got, want)
	}
	found, err := api.FilterLogEvents.Do(call, &api.FilterLogEventsInput{LogGroupName: new("app"), FilterPattern: new("from")})
	if err != nil || len(found.Events) != 1 || *found.Events[0].Message != "from **************" {
		t.Errorf("found %+v, %v", found, err)
	}
	for unmask, want := range map[bool]int{false: 0, true: 1} { // patterns must not tell what is masked
		found, err := api.FilterLogEvents.Do(call, &api.FilterLogEventsInput{LogGroupName: new("app"), FilterPattern: new("jo"), Unmask: &unmask})
		if err != nil || len(found.Events) != want {
			t.Errorf("unmask %t: found %+v, %v", unmask, found, err)
		}
	}
	reports := strings.Split(messagesOf(t, call, "findings", "app", false), "|")
	if len(reports) != 2 {
		t.Fatalf("reports %q", reports)
	}
	var report struct {
		ResourceARN     string
		DataIdentifiers []struct {
			Name       string
			Count      int
			Detections []struct{ Start, End int }
		}
	}
	if err := json.Unmarshal([]byte(reports[0]), &report); err != nil {
		t.Fatal(err)
	}
	if report.ResourceARN != appARN+":*" || len(report.DataIdentifiers) != 1 || report.DataIdentifiers[0].Name != "EmailAddress" ||
		fmt.Sprint(report.DataIdentifiers[0].Detections) != "[{5 19}]" {
		t.Errorf("report %+v", report)
	}
	groups, err := api.DescribeLogGroups.Do(call, &api.DescribeLogGroupsInput{LogGroupIdentifiers: []string{"app"}})
	if err != nil || *groups.LogGroups[0].DataProtectionStatus != api.DataProtectionStatusActivated {
		t.Errorf("group %+v, %v", groups, err)
	}
	out, err := api.GetDataProtectionPolicy.Do(call, &api.GetDataProtectionPolicyInput{LogGroupIdentifier: "app"})
	if err != nil || *out.PolicyDocument != document {
		t.Errorf("policy %+v, %v", out, err)
	}
	for _, code := range []string{"", "ResourceNotFoundException"} {
		_, err = api.DeleteDataProtectionPolicy.Do(call, &api.DeleteDataProtectionPolicyInput{LogGroupIdentifier: "app"})
		servicetest.WantError(t, err, code)
	}
	if got := messagesOf(t, call, "app", "one", false); !strings.Contains(got, "jo@example.com") {
		t.Errorf("messages without the policy %q", got)
	}
}

func TestDataProtection_UnmasksWithPermissionOnly(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createGroup(t, call, "app")
	createStream(t, call, "app", "one")
	user := *call
	user.Principal = aws.Principal{Type: aws.PrincipalUser, Account: servicetest.Account, ARN: "arn:aws:iam::111122223333:user/u", Name: "u"}
	_, err := api.GetLogEvents.Do(&user, &api.GetLogEventsInput{LogGroupName: new("app"), LogStreamName: "one", Unmask: new(true)})
	servicetest.WantError(t, err, "AccessDeniedException")
}

func TestDataProtection_RefusesWhatIsNoPolicy(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createGroup(t, call, "app")
	for name, tc := range map[string]struct{ group, document, code string }{
		"no group":     {"none", protect("{}", emailID), "ResourceNotFoundException"},
		"no JSON":      {"app", "{", "InvalidParameterException"},
		"version":      {"app", strings.Replace(protect("{}", emailID), "2021", "2020", 1), "InvalidParameterException"},
		"statements":   {"app", `{"Version":"2021-06-01","Statement":[]}`, "InvalidParameterException"},
		"identifier":   {"app", protect("{}", "arn:aws:dataprotection::aws:data-identifier/Shoe"), "InvalidParameterException"},
		"not custom":   {"app", protect("{}", "Other"), "InvalidParameterException"},
		"not here":     {"app", protect("{}", "arn:aws:dataprotection::aws:data-identifier/LatLong"), "NotImplemented"},
		"no findings":  {"app", protect(`{"CloudWatchLogs":{"LogGroup":"none"}}`, emailID), "InvalidParameterException"},
		"firehose":     {"app", protect(`{"Firehose":{"DeliveryStream":"d"}}`, emailID), "NotImplemented"},
		"differing":    {"app", strings.Replace(protect("{}", emailID, "Badge"), `,"Badge"`, "", 1), "InvalidParameterException"},
		"unknown name": {"app", strings.Replace(protect("{}", emailID), `"Name"`, `"Nom"`, 1), "InvalidParameterException"},
		"two audits":   {"app", strings.Replace(protect("{}", emailID), `"Deidentify":{"MaskConfig":{}}`, `"Audit":{"FindingsDestination":{}}`, 1), "InvalidParameterException"},
	} {
		_, err := api.PutDataProtectionPolicy.Do(call, &api.PutDataProtectionPolicyInput{LogGroupIdentifier: tc.group, PolicyDocument: tc.document})
		if aws.ErrorCode(err) != tc.code {
			t.Errorf("%s: %v, want %s", name, err, tc.code)
		}
	}
}

func putAccountPolicy(t *testing.T, call *aws.Call, typ api.PolicyType, name, document, selection string) {
	t.Helper()
	in := &api.PutAccountPolicyInput{PolicyName: name, PolicyType: typ, PolicyDocument: document}
	if selection != "" {
		in.SelectionCriteria = &selection
	}
	if _, err := api.PutAccountPolicy.Do(call, in); err != nil {
		t.Fatal(err)
	}
}

func TestAccountPolicy_ProtectsAllGroups(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createGroup(t, call, "app")
	createStream(t, call, "app", "one")
	putMessages(t, call, "app", "one", "to jo@example.com")
	putAccountPolicy(t, call, api.PolicyTypeDataProtectionPolicy, "p", protect("{}", emailID), "")
	if got := messagesOf(t, call, "app", "one", false); got != "to **************" {
		t.Errorf("messages %q", got)
	}
	groups, err := api.DescribeLogGroups.Do(call, &api.DescribeLogGroupsInput{})
	if err != nil || len(groups.LogGroups[0].InheritedProperties) != 1 {
		t.Errorf("group %+v, %v", groups, err)
	}
	_, err = api.PutAccountPolicy.Do(call, &api.PutAccountPolicyInput{PolicyName: "q", PolicyType: api.PolicyTypeDataProtectionPolicy, PolicyDocument: protect("{}", emailID)})
	servicetest.WantError(t, err, "LimitExceededException")
	for _, code := range []string{"", "ResourceNotFoundException"} {
		_, err = api.DeleteAccountPolicy.Do(call, &api.DeleteAccountPolicyInput{PolicyName: "p", PolicyType: api.PolicyTypeDataProtectionPolicy})
		servicetest.WantError(t, err, code)
	}
	if got := messagesOf(t, call, "app", "one", false); got != "to jo@example.com" {
		t.Errorf("messages without the policy %q", got)
	}
}

func TestAccountPolicy_SubscribesSelectedGroups(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CWL-08")
	c, call, box := cloudWithInbox(t, []string{"lambda"})
	for _, g := range []string{"app", "left-out"} {
		createGroup(t, call, g)
		createStream(t, call, g, "one")
	}
	document := `{"DestinationArn":"` + lambdaARN + `","FilterPattern":"ERROR"}`
	putAccountPolicy(t, call, api.PolicyTypeSubscriptionFilterPolicy, "p", document, `LogGroupName NOT IN ["left-out"]`)
	createGroup(t, call, "later")
	createStream(t, call, "later", "one")
	c.WaitIdle(t)
	box.take()
	var got []string
	for _, g := range []string{"app", "left-out", "later"} {
		putMessages(t, call, g, "one", "ERROR", "fine")
		c.WaitIdle(t)
		for _, d := range box.take() {
			m := unpack(t, d)
			got = append(got, fmt.Sprint(m.LogGroup, m.SubscriptionFilters, m.PolicyLevel, len(m.LogEvents)))
		}
	}
	if want := "[app[p]ACCOUNT_LEVEL_POLICY 1 later[p]ACCOUNT_LEVEL_POLICY 1]"; strings.ReplaceAll(fmt.Sprint(got), "POLICY1", "POLICY 1") != want {
		t.Errorf("messages %v, want %s", got, want)
	}
	out, err := api.DescribeAccountPolicies.Do(call, &api.DescribeAccountPoliciesInput{PolicyType: api.PolicyTypeSubscriptionFilterPolicy, PolicyName: new("p")})
	if err != nil || len(out.AccountPolicies) != 1 || *out.AccountPolicies[0].PolicyDocument != document || *out.AccountPolicies[0].AccountID != servicetest.Account {
		t.Errorf("policies %+v, %v", out, err)
	}
	if _, err := api.DeleteAccountPolicy.Do(call, &api.DeleteAccountPolicyInput{PolicyName: "p", PolicyType: api.PolicyTypeSubscriptionFilterPolicy}); err != nil {
		t.Fatal(err)
	}
	putMessages(t, call, "app", "one", "ERROR")
	c.WaitIdle(t)
	if len(box.take()) != 0 {
		t.Error("a message after the policy was deleted")
	}
}

func TestAccountPolicy_RefusesWhatIsNoPolicy(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	for name, in := range map[string]*api.PutAccountPolicyInput{
		"subscription":       {PolicyType: api.PolicyTypeSubscriptionFilterPolicy, PolicyDocument: `{"DestinationArn":"x"}`},
		"index":              {PolicyType: api.PolicyTypeFieldIndexPolicy, PolicyDocument: `{"Fields":[]}`},
		"transformer":        {PolicyType: api.PolicyTypeTransformerPolicy, PolicyDocument: `[{"addKeys":{"entries":[]}}]`},
		"selection":          {PolicyType: api.PolicyTypeFieldIndexPolicy, PolicyDocument: `{"Fields":["a"]}`, SelectionCriteria: new("all")},
		"selection's field":  {PolicyType: api.PolicyTypeFieldIndexPolicy, PolicyDocument: `{"Fields":["a"]}`, SelectionCriteria: new(`LogGroupName NOT IN ["a"]`)},
		"protection chooses": {PolicyType: api.PolicyTypeDataProtectionPolicy, PolicyDocument: protect("{}", emailID), SelectionCriteria: new(`LogGroupName NOT IN ["a"]`)},
	} {
		in.PolicyName = "p"
		_, err := api.PutAccountPolicy.Do(call, in)
		if aws.ErrorCode(err) != "InvalidParameterException" {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := api.PutAccountPolicy.Do(call, &api.PutAccountPolicyInput{PolicyName: "p", PolicyType: api.PolicyTypeMetricExtractionPolicy, PolicyDocument: "{}"})
	servicetest.WantError(t, err, "NotImplemented")
}

func TestIndexPolicy_IsTheGroupsOrTheAccounts(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createGroup(t, call, "app")
	createGroup(t, call, "other")
	if _, err := api.PutIndexPolicy.Do(call, &api.PutIndexPolicyInput{LogGroupIdentifier: "app", PolicyDocument: `{"Fields":["RequestId"]}`}); err != nil {
		t.Fatal(err)
	}
	putAccountPolicy(t, call, api.PolicyTypeFieldIndexPolicy, "p", `{"Fields":["user"]}`, `LogGroupNamePrefix IN ["ot"]`)
	for group, want := range map[string]api.IndexSource{"app": api.IndexSourceLogGroup, "other": api.IndexSourceAccount} {
		out, err := api.DescribeIndexPolicies.Do(call, &api.DescribeIndexPoliciesInput{LogGroupIdentifiers: []string{group}})
		if err != nil || len(out.IndexPolicies) != 1 || *out.IndexPolicies[0].Source != want {
			t.Errorf("policies %+v, %v, want those of %s", out, err, want)
		}
	}
	for _, code := range []string{"", "ResourceNotFoundException"} {
		_, err := api.DeleteIndexPolicy.Do(call, &api.DeleteIndexPolicyInput{LogGroupIdentifier: "app"})
		servicetest.WantError(t, err, code)
	}
	for _, document := range []string{`{`, `{"Fields":["a","a"]}`, `{"FieldsV2":{"a":{"type":"x"}}}`} {
		_, err := api.PutIndexPolicy.Do(call, &api.PutIndexPolicyInput{LogGroupIdentifier: "app", PolicyDocument: document})
		servicetest.WantError(t, err, "InvalidParameterException")
	}
	_, err := api.DescribeIndexPolicies.Do(call, &api.DescribeIndexPoliciesInput{LogGroupIdentifiers: []string{"none"}})
	servicetest.WantError(t, err, "ResourceNotFoundException")
}

func TestResourcePolicy_LetsServicesWrite(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	createGroup(t, call, "dns/zone")
	createStream(t, call, "dns/zone", "one")
	as := c.CallAs(t, aws.ServicePrincipal("route53.amazonaws.com", servicetest.Account), servicetest.Region)
	write := func() error {
		_, err := api.PutLogEvents.Do(as, &api.PutLogEventsInput{
			LogGroupName: "dns/zone", LogStreamName: "one", LogEvents: []api.InputLogEvent{{Timestamp: at(0), Message: "q"}},
		})
		return err
	}
	servicetest.WantError(t, write(), "AccessDeniedException")
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"route53.amazonaws.com"},
		"Action":["logs:CreateLogStream","logs:PutLogEvents"],"Resource":"arn:aws:logs:us-east-1:111122223333:log-group:dns/*"}]}`
	out, err := api.PutResourcePolicy.Do(call, &api.PutResourcePolicyInput{PolicyName: new("dns"), PolicyDocument: &document})
	if err != nil || *out.ResourcePolicy.PolicyName != "dns" {
		t.Fatalf("policy %+v, %v", out, err)
	}
	servicetest.WantError(t, write(), "")
	list, err := api.DescribeResourcePolicies.Do(call, &api.DescribeResourcePoliciesInput{})
	if err != nil || len(list.ResourcePolicies) != 1 || *list.ResourcePolicies[0].PolicyDocument != document {
		t.Errorf("policies %+v, %v", list, err)
	}
	for _, code := range []string{"", "ResourceNotFoundException"} {
		_, err = api.DeleteResourcePolicy.Do(call, &api.DeleteResourcePolicyInput{PolicyName: new("dns")})
		servicetest.WantError(t, err, code)
	}
	servicetest.WantError(t, write(), "AccessDeniedException")
}

func TestResourcePolicy_OfAGroupHasRevisions(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createGroup(t, call, "app")
	document := new(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"a.amazonaws.com"},"Action":"logs:PutLogEvents","Resource":"*"}]}`)
	in := &api.PutResourcePolicyInput{ResourceARN: new(appARN), PolicyDocument: document}
	first, err := api.PutResourcePolicy.Do(call, in)
	if err != nil {
		t.Fatal(err)
	}
	in.ExpectedRevisionID = new("other")
	_, err = api.PutResourcePolicy.Do(call, in)
	servicetest.WantError(t, err, "OperationAbortedException")
	in.ExpectedRevisionID = first.RevisionID
	if _, err = api.PutResourcePolicy.Do(call, in); err != nil {
		t.Error(err)
	}
	list, err := api.DescribeResourcePolicies.Do(call, &api.DescribeResourcePoliciesInput{PolicyScope: new(api.PolicyScopeResource)})
	if err != nil || len(list.ResourcePolicies) != 1 || *list.ResourcePolicies[0].ResourceARN != appARN {
		t.Errorf("policies %+v, %v", list, err)
	}
	if list, err = api.DescribeResourcePolicies.Do(call, &api.DescribeResourcePoliciesInput{}); err != nil || len(list.ResourcePolicies) != 0 {
		t.Errorf("the account's policies %+v, %v", list, err)
	}
	for name, bad := range map[string]*api.PutResourcePolicyInput{
		"no name": {PolicyDocument: document}, "no document": {PolicyName: new("p")}, "no policy": {PolicyName: new("p"), PolicyDocument: new("{}")},
		"no ARN": {ResourceARN: new("app"), PolicyDocument: document},
	} {
		if _, err := api.PutResourcePolicy.Do(call, bad); aws.ErrorCode(err) != "InvalidParameterException" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range 10 {
		if _, err := api.PutResourcePolicy.Do(call, &api.PutResourcePolicyInput{PolicyName: new(fmt.Sprint(i)), PolicyDocument: document}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = api.PutResourcePolicy.Do(call, &api.PutResourcePolicyInput{PolicyName: new("p"), PolicyDocument: document})
	servicetest.WantError(t, err, "LimitExceededException")
}
