import ApusServer

Program.exit(Program.run(CommandLine.arguments))
