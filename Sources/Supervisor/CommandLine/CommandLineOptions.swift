/// The command line is wrong; the text is nginx's, without the program's name.
struct CommandLineError: Error, Equatable, Sendable {
    let message: String
}

/// What the command line asks for. Short options may be combined (`-tq`); a value may follow at once (`-cfile`) or as the next
/// argument.
struct CommandLineOptions: Equatable, Sendable {
    /// `-s`: what to have the running master do.
    enum Command: String, Sendable {
        case stop, quit, reopen, reload
    }

    var showsVersion = false
    var showsHelp = false
    var showsBuild = false
    var tests = false
    var dumps = false
    var isQuiet = false
    var prefix: ByteString?
    /// Empty: the standard error stream.
    var errorLog: ByteString?
    var configuration: ByteString?
    /// `-g`: directives that stand before the configuration file.
    var directives: ByteString?
    var command: Command?

    init() {}

    /// Reads the arguments after the program's name.
    init(_ arguments: [String]) throws(CommandLineError) {
        var index = 0
        while index < arguments.count {
            let argument = arguments[index]
            index += 1
            guard argument.utf8.first == UInt8(ascii: "-") else {
                throw CommandLineError(message: "invalid option: \"\(argument)\"")
            }
            let next = index < arguments.count ? arguments[index] : nil
            if try read(argument.dropFirst(), next: next) { index += 1 }
        }
    }

    /// Reads one argument's letters; true if the next argument was its value.
    private mutating func read(
        _ letters: Substring, next: String?
    ) throws(CommandLineError) -> Bool {
        var rest = letters
        while let letter = rest.popFirst() {
            switch letter {
            case "?", "h":
                showsVersion = true
                showsHelp = true
            case "v": showsVersion = true
            case "V":
                showsVersion = true
                showsBuild = true
            case "t": tests = true
            case "T":
                tests = true
                dumps = true
            case "q": isQuiet = true
            case "p", "e", "c", "g", "s":
                guard let value = rest.isEmpty ? next : String(rest) else {
                    throw CommandLineError(
                        message: "option \"-\(letter)\" requires \(Self.need(of: letter))")
                }
                try set(letter, value)
                return rest.isEmpty
            default: throw CommandLineError(message: "invalid option: \"\(letter)\"")
            }
        }
        return false
    }

    private static func need(of letter: Character) -> String {
        switch letter {
        case "p": "directory name"
        case "e", "c": "file name"
        default: "parameter"
        }
    }

    private mutating func set(_ letter: Character, _ value: String) throws(CommandLineError) {
        switch letter {
        case "p": prefix = ByteString(value)
        case "e": errorLog = value == "stderr" ? .empty : ByteString(value)
        case "c": configuration = ByteString(value)
        case "g": directives = ByteString(value)
        default:
            guard let found = Command(rawValue: value) else {
                throw CommandLineError(message: "invalid option: \"-s \(value)\"")
            }
            command = found
        }
    }
}
