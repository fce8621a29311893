/// What the commands do.
extension SSIFilter {
    /// A command that cannot be obeyed: nginx's message.
    struct Failure: Error {
        let message: ByteString

        init(_ message: ByteString) { self.message = message }
    }

    /// Obeys the command at hand; false: the page cannot be completed.
    func obey(_ request: Request) -> Bool {
        guard let command = SSICommand(self.command) else {
            guard isShown else { return true }
            complain("invalid SSI command: \"" + ByteString(self.command) + "\"", request)
            return true
        }
        if !isShown, !command.endsBlock {
            if isInBlock {
                keepCommand()
                return true
            }
            if !command.isConditional { return true }
        }
        do throws(Failure) {
            guard command.fits(condition) else {
                throw Failure("invalid context of SSI command: \"" + ByteString(self.command) + "\"")
            }
            try perform(command, try values(for: command), request)
        } catch {
            complain(error.message, request)
        }
        return true
    }

    private func complain(_ message: ByteString, _ request: Request) {
        if !message.isEmpty { request.log(.error) { $0.append(message) } }
        showError(request)
    }

    /// The values of the command's parameters, in their order; nil for those that are not given.
    private func values(for command: SSICommand) throws(Failure) -> [[UInt8]?] {
        let known = command.parameters
        var values = [[UInt8]?](repeating: nil, count: known.count)
        let name = ByteString(self.command)
        if parameters.count > SSICommand.parameterLimit {
            throw Failure("too many SSI command parameters: \"" + name + "\"")
        }
        for parameter in parameters {
            let given = ByteString(parameter.name)
            guard let index = known.firstIndex(where: { given.span.equals($0.name) }) else {
                throw Failure("invalid parameter name: \"" + given + "\" in \"" + name + "\" SSI command")
            }
            if values[index] != nil {
                throw Failure("duplicate \"" + given + "\" parameter in \"" + name + "\" SSI command")
            }
            values[index] = parameter.value
        }
        for (index, parameter) in known.enumerated() where parameter.isNeeded && values[index] == nil {
            throw Failure(
                "mandatory \"" + ByteString(parameter.name.bytes) + "\" parameter is absent in \"" + name
                    + "\" SSI command")
        }
        return values
    }

    private func perform(
        _ command: SSICommand, _ values: [[UInt8]?], _ request: Request
    ) throws(Failure) {
        switch command {
        case .include: try include(values, request)
        case .echo: try echo(values, request)
        case .config:
            if let text = values[0] { errorText = ByteString(text) }
            if let form = values[1] {
                // The C library's text ends at a NUL.
                dateForm = ByteString(Array(form.prefix { $0 != 0 }))
            }
        case .set: try set(ByteString(values[0] ?? []), try evaluate(values[1] ?? [], request), request)
        case .if:
            if condition != .none { throw Failure("the \"if\" command inside the \"if\" command") }
            try decide(values[0] ?? [], request)
        case .elif: try decide(values[0] ?? [], request)
        case .else:
            isShown = !isChosen
            condition = .else
        case .endif:
            isShown = true
            isChosen = false
            condition = .none
        case .block:
            page.beginBlock(ByteString(values[0] ?? []))
            isShown = false
            isInBlock = true
        case .endblock:
            isShown = true
            isInBlock = false
        }
    }

    /// Sets a variable of the page to what was made of others.
    func set(_ name: ByteString, _ value: ByteString, _ request: Request) throws(Failure) {
        if !page.compute(name, value, atMost: 4 * valueBound(request)) {
            throw Failure("too long values of variables, while setting \"" + name + "\"")
        }
    }

    /// The longest text that others may become when variables are put in: one that names another twice is twice as long, and one that
    /// names that again. What a page may keep of other answers can always be a value.
    private func valueBound(_ request: Request) -> Int {
        max(64 * 1_024, request.core.value.subrequestBufferSize, settings.value.valueLength)
    }

    func evaluate(_ text: [UInt8], _ request: Request, isPath: Bool = false) throws(Failure) -> ByteString {
        let out = request.engine.loop.buffers.take()
        defer { request.engine.loop.buffers.give(out) }
        do throws(SSIText.Problem) {
            try SSIText(text, page, request, limit: valueBound(request)).append(to: out, isPath: isPath)
        } catch {
            throw Failure(error.message)
        }
        return ByteString(out.span)
    }

    // MARK: - echo

    private func echo(_ values: [[UInt8]?], _ request: Request) throws(Failure) {
        let out = request.engine.loop.buffers.take()
        defer { request.engine.loop.buffers.give(out) }
        let name = ByteString(values[0] ?? []).lowercased
        if let value = page.value(of: name) {
            out.append(value)
        } else if !request.append(named: name.span, to: out) {
            if let standard = values[1] { out.append(standard.span) } else { out.append("(none)") }
        }
        if out.isEmpty { return }
        if let word = values[2] {
            switch ByteString(word) {
            case "none": encoding = .none
            case "url": encoding = .url
            case "entity": encoding = .entity
            default:
                let message = "unknown encoding \"" + ByteString(word) + "\" in the \"echo\" command"
                request.log(.error) { $0.append(message) }
            }
        }
        let encoded = request.engine.loop.buffers.take()
        defer { request.engine.loop.buffers.give(encoded) }
        switch encoding {
        case .none: encoded.append(out)
        case .url: encoded.append(escaped: out.span, for: .html)
        case .entity: encoded.append(htmlEscaped: out.span)
        }
        append(encoded.span, request)
    }

    // MARK: - include

    private func include(_ values: [[UInt8]?], _ request: Request) throws(Failure) {
        let (path, file, variable, stub) = (values[0], values[1], values[3], values[4])
        if let path, let file {
            throw Failure(
                "inclusion may be either virtual=\"" + ByteString(path) + "\" or file=\"" + ByteString(file) + "\"")
        }
        guard let text = path ?? file else { throw Failure("no parameter in \"include\" SSI command") }
        if variable != nil, stub != nil {
            throw Failure("\"set\" and \"stub\" cannot be used together in \"include\" SSI command")
        }
        let waits = try waits(values[2], file: file)
        let uri = try evaluate(text, request, isPath: true)
        let target = request.engine.loop.buffers.take()
        defer { request.engine.loop.buffers.give(target) }
        guard let safe = UnsafeURI(uri.span, into: target) else {
            throw Failure("unsafe URI \"" + uri + "\" was detected")
        }
        var block: Buffer?
        if let stub {
            block = page.block(named: ByteString(stub))
            if block == nil {
                throw Failure("\"stub\"=\"" + ByteString(stub) + "\" for \"include\" not found")
            }
        }
        let name = variable.map { ByteString($0) }
        if let name { page.set(name, page.value(of: name.lowercased) ?? .empty) }
        let inclusion = SSIInclusion(page: page, variable: name, stub: block)
        guard
            request.engine.startSubrequest(
                of: request, path: target.span, arguments: uri.span[safe.arguments],
                name == nil ? .ordered : .inMemory, observer: inclusion) != nil
        else { throw Failure(.empty) }
        if waits || name != nil { awaited = inclusion }
    }

    /// What `wait` says; files are always waited for.
    private func waits(_ word: [UInt8]?, file: [UInt8]?) throws(Failure) -> Bool {
        guard let word else { return file != nil }
        if let file {
            throw Failure("\"wait\" cannot be used with file=\"" + ByteString(file) + "\"")
        }
        if word.span.equalsIgnoringCase("no") { return false }
        if word.span.equalsIgnoringCase("yes") { return true }
        throw Failure("invalid value \"" + ByteString(word) + "\" in the \"wait\" parameter")
    }
}
