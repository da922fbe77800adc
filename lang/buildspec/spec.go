package buildspec

// Spec is a parsed build specification.
type Spec struct {
	Version   string // "0.1" or "0.2"
	RunAs     string // the Linux user of all commands; "" is root
	Env       Env
	Proxy     Proxy
	Batch     *Batch // nil where the build is no batch
	Phases    Phases
	Reports   []Report
	Artifacts *Artifacts // nil where there are none
	Cache     Cache
	Warnings  []string // keys that were ignored, as AWS ignores them, with their lines
}

// SharedShell tells whether the commands of all phases run in one shell, so that a change of directory or variable
// lasts: so it is from version 0.2 on. In 0.1, every command has a fresh shell.
func (s *Spec) SharedShell() bool { return s.Version != "0.1" }

// Variable is a name with a value, in the order of the file.
type Variable struct{ Name, Value string }

// Env is what the build's environment is made of besides the project's and the call's variables, which both win over it.
type Env struct {
	Shell               string     // "bash" or "/bin/sh"; "" leaves the choice to the image
	Variables           []Variable // plain text
	ParameterStore      []Variable // Value is the parameter's name
	SecretsManager      []Secret
	ExportedVariables   []string
	GitCredentialHelper bool
}

// Secret is a variable whose value comes from Secrets Manager.
type Secret struct {
	Name         string // of the variable
	SecretID     string // name or ARN
	JSONKey      string // "" is the whole secret
	VersionStage string // "" is AWSCURRENT, unless VersionID is set
	VersionID    string
}

// Proxy says what an explicit proxy server also serves.
type Proxy struct{ UploadArtifacts, Logs bool }

// Phases are the four phases a build specification can name; one that is not named is nil.
type Phases struct{ Install, PreBuild, Build, PostBuild *Phase }

// Phase is one phase. Commands and Finally are run one after the other; Finally always.
type Phase struct {
	RunAs           string
	OnFailure       OnFailure
	RuntimeVersions []Variable // of install: "nodejs" → "20"
	Commands        []string
	Finally         []string
}

// Action says what follows a failed phase.
type Action string

// The actions. The zero value leaves it to the order of phases: only a failed build phase goes on, to post_build.
const (
	ActionDefault  Action = ""
	ActionAbort    Action = "ABORT"
	ActionContinue Action = "CONTINUE"
	ActionRetry    Action = "RETRY"
)

// OnFailure is a phase's on-failure.
type OnFailure struct {
	Action  Action
	Retries int    // of ActionRetry: how often the build is tried again, 0 to 100
	Pattern string // of ActionRetry: a regular expression that the error message must match
}

// Report is one report group of a build's tests.
type Report struct {
	Group         string // name or ARN
	Files         []string
	BaseDirectory string
	DiscardPaths  bool
	FileFormat    string // in capitals; "JUNITXML" where none is given
}

// Artifacts selects the files of an output. Secondary is only in the main one.
type Artifacts struct {
	Identifier     string // of a secondary one
	Name           string // may hold shell expressions
	Files          []string
	ExcludePaths   []string
	BaseDirectory  string // may hold wildcards
	DiscardPaths   bool
	EnableSymlinks bool
	S3Prefix       string
	Secondary      []Artifacts
}

// Cache is what a build keeps for the next one.
type Cache struct {
	Key          string
	FallbackKeys []string
	Action       string // "", "restore" or "save"; "" is both
	Paths        []string
}

// Batch is a build of builds. At most one of List, Matrix, Graph and Fanout is set.
type Batch struct {
	FastFail bool
	List     []BatchBuild
	Matrix   *Matrix
	Graph    []BatchBuild // DependsOn names other members
	Fanout   *Fanout
}

// BatchBuild is one build of a list or graph.
type BatchBuild struct {
	Identifier    string
	Buildspec     string // path; "" is the batch's own
	DebugSession  bool
	IgnoreFailure bool
	DependsOn     []string
	Env           BatchEnv
}

// BatchEnv overrides the project's environment.
type BatchEnv struct {
	ComputeType    string
	Fleet          string
	Image          string
	Type           string
	PrivilegedMode *bool
	Variables      []Variable
}

// Matrix multiplies out its dynamic values, each combination a build, over the static ones.
type Matrix struct {
	IgnoreFailure bool
	Static        BatchEnv
	Buildspecs    []string
	ComputeTypes  []string
	Images        []string
	Variables     []MatrixVariable
}

// MatrixVariable is a variable with a value for each build.
type MatrixVariable struct {
	Name   string
	Values []string
}

// Fanout divides one build's tests over several.
type Fanout struct {
	Parallelism   int
	IgnoreFailure bool
}
