/// The files of a configuration: reads them with what they include, and keeps their texts for `-T` and for messages.
final class ConfigurationSource {
    /// A file as it was read.
    struct File {
        let name: ByteString
        let text: [UInt8]
        /// The text after `-g`, which has no name and no lines.
        let isCommandLine: Bool
    }

    /// In the order of their first opening, each file once.
    private(set) var files: [File] = []
    private var indices: [ByteString: Int] = [:]
    private let reader: any ConfigurationFiles
    /// Ends with a slash: where `include` starts.
    let configurationPrefix: ByteString

    init(
        files: any ConfigurationFiles = SystemFiles(), configurationPrefix: ByteString
    ) {
        reader = files
        self.configurationPrefix = configurationPrefix
    }

    /// Reads the text after `-g` and then the main file. What stopped the reading is in the tree.
    func read(_ path: ByteString, parameters: ByteString? = nil) -> ConfigurationTree {
        var reader = ConfigurationReader(source: self)
        do throws(ConfigurationError) {
            if let parameters, !parameters.isEmpty {
                let text = File(name: .empty, text: parameters.bytes, isCommandLine: true)
                try reader.read(add(text))
            }
            let main: Int
            do throws(FileFailure) {
                main = try open(path)
            } catch {
                throw Self.failure(error, path, in: nil)
            }
            try reader.read(main)
            return ConfigurationTree(directives: reader.finish(failedAt: nil))
        } catch {
            return ConfigurationTree(
                directives: reader.finish(failedAt: error.position), failure: error)
        }
    }

    /// What `-T` prints: every file with its name, as nginx does.
    func appendDump(to buffer: Buffer) {
        for file in files where !file.isCommandLine {
            buffer.append("# configuration file ")
            buffer.append(file.name)
            buffer.append(":\n")
            buffer.append(file.text.span)
            buffer.append("\n")
        }
    }

    // MARK: - The reader's side

    /// The index of a file, read if it was not before.
    func open(_ path: ByteString) throws(FileFailure) -> Int {
        if let known = indices[path] { return known }
        let text = try reader.contents(of: path)
        indices[path] = files.count
        return add(File(name: path, text: text, isCommandLine: false))
    }

    private func add(_ file: File) -> Int {
        files.append(file)
        return files.count - 1
    }

    /// The files that an `include` names: one, or those that match.
    func resolve(
        _ word: Word, in directive: Position
    ) throws(ConfigurationError) -> [ByteString] {
        let name = word.value
        let isAbsolute = !name.isEmpty && name[0] == ASCII.slash
        let path = isAbsolute ? name : configurationPrefix + name
        let special: [UInt8] = [ASCII.asterisk, ASCII.question, ASCII.openBracket]
        guard path.bytes.contains(where: special.contains) else { return [path] }
        do throws(FileFailure) {
            return try reader.matches(of: path)
        } catch {
            throw Self.failure(error, path, in: directive)
        }
    }

    /// nginx's message for a file that cannot be opened or read.
    static func failure(
        _ failure: FileFailure, _ path: ByteString, in directive: Position?
    ) -> ConfigurationError {
        var error = ConfigurationError(
            "\(failure.operation) \"\(path.text)\" failed (\(failure.errno))", position: directive)
        error.isPlaceless = directive == nil
        if failure.operation != "open()", failure.operation != "glob()" {
            // nginx reports what fails while reading as critical and without a place.
            error.level = .crit
            error.position = nil
            error.isPlaceless = true
        }
        switch failure.errno {
        case .notFound:
            error.advice =
                "there is no such file; relative names start at the main file's directory"
        case .accessDenied:
            error.advice = "the user that runs this may not read the file or enter its directory"
        case .isDirectory:
            error.advice = "this is a directory; to read all files in it, write \(path.text)/*"
        default: break
        }
        return error
    }
}
