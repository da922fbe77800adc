package arch

import "strings"

// layer says what the packages below some folders may import of drydock.
type layer struct {
	folders []string // "aws", "service/all"; a folder stands for all that is below it; the longest match counts
	imports []string // folders that may be imported, besides the package's own top folder; "*" is everything
	tests   []string // further ones for _test.go files
	apart   bool     // packages below one folder do not import each other
	reason  string
}

const contract = "service/service" // the file service/service.go: package drydock/service itself, not what is below it

// layers is the architecture. A package that no layer claims is an error.
var layers = []layer{
	{folders: []string{"aws", "clock", "lang"},
		reason: "vocabulary, time and languages stand alone, so that everything may rest on them"},
	{folders: []string{"store", "blob"}, imports: []string{"clock"},
		reason: "storage knows time, and nothing of AWS"},
	{folders: []string{"api"}, imports: []string{"aws"}, apart: true,
		reason: "generated vocabulary: one package per service, none needs another"},
	{folders: []string{"wire"}, imports: []string{"aws"}, tests: []string{"api"},
		reason: "the protocols walk tagged structures and know no service; their tests need real ones"},
	{folders: []string{"wire/wiretest"}, imports: []string{"aws", "api", "cmd/apigen"},
		reason: "the models' protocol tests are generated into Go like the API itself"},
	{folders: []string{"policy"}, imports: []string{"aws"},
		reason: "policies are evaluated from documents and facts handed in"},
	{folders: []string{"task"}, imports: []string{"store", "clock"},
		reason: "a task is a row that is due"},
	{folders: []string{"bus"}, imports: []string{"aws", "store", "task"}, tests: []string{"clock"},
		reason: "delivery is an outbox in the store and a task that empties it"},
	{folders: []string{"resource"}, imports: []string{"aws"},
		reason: "the registry of resource types knows their form, services fill it"},
	{folders: []string{"machine", "vnet", "engine"}, imports: []string{"aws", "blob", "clock"},
		reason: "what runs and connects user code is handed its state by services"},
	{folders: []string{"service"}, apart: true,
		imports: []string{"aws", "api", "store", "blob", "clock", "task", "bus", "resource", "policy", "lang", "machine", "vnet", "engine", contract},
		tests:   []string{"service/servicetest"},
		reason:  "services speak to each other by operation values, the bus and the registry, never by import"},
	{folders: []string{"service/all"}, imports: []string{"service", contract},
		reason: "the explicit list of services"},
	{folders: []string{"service/assembly"},
		imports: []string{"aws", "task", "bus", "resource", "policy", "gateway", contract},
		reason:  "it puts services, tasks, bus and gateway together, for the application and for tests, and knows no service"},
	{folders: []string{"service/servicetest"},
		imports: []string{"aws", "api", "wire", "store", "blob", "clock", "task", "bus", "resource", "policy", "lang", "machine", "vnet", "engine", "gateway", "ledger", contract, "service/assembly"},
		reason:  "test support puts a gateway before one service; it knows none of them"},
	{folders: []string{"gateway"}, imports: []string{"aws", "wire", "policy", "clock"}, tests: []string{"api", "service/servicetest", contract},
		reason: "the gateway sees services as a list of handlers"},
	{folders: []string{"agent"}, imports: []string{"aws", "api", "wire", "clock", "lang"},
		reason: "agents run inside machines and speak to the cloud as any client does"},
	{folders: []string{"console"},
		reason: "the console is files in the binary; it speaks to the cloud from the browser"},
	{folders: []string{"app", "sim", "test"}, imports: []string{"*"},
		reason: "the composition root, the simulation and the black-box tests see everything"},
	{folders: []string{"cmd/drydock"}, imports: []string{"app", "agent", "aws", "clock", "machine", "examples"},
		reason: "flags, then app.Run; or an agent, by the name it is called with"},
	{folders: []string{"cmd/apigen"}, imports: []string{"aws", "wire"},
		reason: "the generator reads models and writes api; it must work before api is there"},
	{folders: []string{"ledger", "tools"},
		reason: "they speak about the product and are no part of it"},
}

// importers says who alone may import a folder, whatever the layers say.
var importers = []struct {
	folder string
	by     []string
	reason string
}{
	{"app", []string{"app", "cmd", "sim", "test"}, "the composition root is the top"},
	{"cmd/drydock", []string{"cmd/drydock"}, "commands are no libraries"},
	{"cmd/apigen", []string{"cmd/apigen", "wire/wiretest"}, "only the test types of the protocols are generated elsewhere"},
	{"sim", []string{"sim", "cmd"}, "the simulation rests on the product, not the product on it"},
	{"test", []string{"test"}, "the product does not know its tests"},
	{"service/assembly", []string{"app", "sim", "service/servicetest"}, "a cloud is put together in one place"},
	{"service/all", []string{"app", "sim", "test"}, "only the composition root knows every service"},
}

// httpServices are the services that may import net/http outside of tests, because HTTP is what they serve besides the
// AWS API: the data plane.
var httpServices = map[string]string{
	"service":            "the contract names data planes as HTTP handlers",
	"service/apigateway": "invoked APIs",
	"service/appsync":    "GraphQL endpoints",
	"service/cloudfront": "distributions",
	"service/codebuild":  "webhooks, badges, and the credentials of builds",
	"service/codecommit": "git over HTTPS",
	"service/cognitoidp": "the hosted pages and token endpoints",
	"service/ecr":        "the Docker registry",
	"service/elb":        "Classic Load Balancers",
	"service/elbv2":      "Application Load Balancers",
	"service/lambda":     "function URLs and the runtime API",
	"service/s3":         "website endpoints",
	"service/sns":        "deliveries to HTTP subscribers",
	"service/events":     "API destinations",
	"service/route53":    "health checks",
}

// roots are the folders that may stand in the root of the tree. A new one is a decision, recorded in docs/adr/.
var roots = strings.Fields(`cmd app gateway wire api aws service policy store blob clock task bus resource machine vnet
	engine lang agent console sim test ledger docs examples tools .ci`)

// examples holds programs of users, each a world of its own: only its place is looked at.
const examples = "examples"

// uncommitted are folders that builds and editors leave in the root.
var uncommitted = []string{".git", "bin", ".idea", ".vscode"}

// wallClock are the functions that ask the machine for the time or wait by it, by import path; the clock folder alone
// may use them. Everything else takes a *clock.Clock, so that the cloud's time can be stopped and wound forward.
var wallClock = map[string][]string{
	"time":    {"Now", "Sleep", "After", "Tick", "NewTimer", "NewTicker", "AfterFunc", "Since", "Until"},
	"context": {"WithTimeout", "WithDeadline", "WithTimeoutCause", "WithDeadlineCause"},
}

const (
	maxLines  = 800 // of a hand-written Go file
	aimLines  = 500
	genSuffix = "_gen.go"
)

// generatedHeader is how a generated file begins and a hand-written one does not.
const generatedHeader = "// Code generated by cmd/apigen. DO NOT EDIT."
