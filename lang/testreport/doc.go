// Package testreport reads what test frameworks and coverage tools write: the file formats that "Test report file formats"
// and "Create code coverage reports" of the CodeBuild user guide list. It is pure and streams: a case or a file is handed
// on as soon as it is complete. Only formats whose parts are scattered (Visual Studio's classes stand apart from its
// results, Cobertura and SimpleCov name a file several times) are held until their end, within bounds.
//
// It judges nothing: what becomes of a failed case is for the caller.
package testreport
