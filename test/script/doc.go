// Package script plays what users do at a shell against the real drydock binary: the stock aws CLI and git, and no
// setting beyond what `drydock env` exports. The scripts are in testdata, in the language of testscript; besides its
// commands they have:
//
//	cloud start [FLAG ...]        run drydock up, on the same port as before, and evaluate drydock env
//	cloud stop | kill             end it, in order or by SIGKILL
//	[!] aws|git|drydock ARG ...   run the command
//	capture NAME ...              set variables to the words that the last command printed
//	find NAME REGEXP              set a variable to what the expression's group matches in the last command's output
//	eventually [--limit DURATION] REGEXP COMMAND ...
//	                              run a command until it prints what the expression matches
//	[!] http METHOD URL [OPTION VALUE ...]
//	                              send a request and print its status, headers and body; options: header, body,
//	                              ca (file), user (NAME:PASSWORD)
package script
