extension CoreDirectives {
    static func workerUser(
        _ invocation: inout Invocation
    ) throws(ConfigurationError) -> WorkerUser {
        let name = invocation[0].text
        let groupName = invocation.arguments.count > 1 ? invocation[1].text : name
        let user: UInt32
        do {
            user = try Account.user(named: name)
        } catch {
            throw lookupFailed("getpwnam", name, error, invocation)
        }
        do {
            let group = try Account.group(named: groupName)
            return WorkerUser(name: name, user: user, group: group)
        } catch {
            throw lookupFailed("getgrnam", groupName, error, invocation)
        }
    }

    private static func lookupFailed(
        _ call: String, _ name: String, _ error: Errno, _ invocation: Invocation
    ) -> ConfigurationError {
        let reason = error.code == 0 ? "" : " (\(error))"
        return invocation.fail(
            "\(call)(\"\(name)\") failed\(reason)",
            advice: "the system has no such \(call == "getpwnam" ? "user" : "group")")
    }

    static func affinity(
        _ invocation: inout Invocation
    ) throws(ConfigurationError) -> WorkerAffinity {
        guard invocation[0] == "auto" else {
            var masks: [ProcessorSet] = []
            for word in invocation.arguments { masks.append(try mask(word, invocation)) }
            return .masks(masks)
        }
        if invocation.arguments.count > 2 { throw invocation.invalidCount() }
        if invocation.arguments.count == 2 {
            return .automatic(try mask(invocation.arguments[1], invocation))
        }
        // nginx takes the first processors of the machine, even those this process may not run on.
        return .automatic((try? ProcessorSet.allowed()) ?? ProcessorSet(0..<Processors.online))
    }

    /// Binary digits, the last of which is the first processor. Blanks do not count.
    private static func mask(
        _ word: Word, _ invocation: Invocation
    ) throws(ConfigurationError) -> ProcessorSet {
        if word.value.count > ProcessorSet.capacity {
            throw invocation.fail(
                "\"worker_cpu_affinity\" supports up to \(ProcessorSet.capacity) CPUs only",
                at: word)
        }
        var set = ProcessorSet()
        var processor = 0
        for byte in word.value.bytes.reversed() {
            switch byte {
            case ASCII.space: continue
            case ASCII.zero: break
            case ASCII.zero + 1: set.insert(processor)
            default:
                let character = Character(Unicode.Scalar(byte))
                throw invocation.fail(
                    "invalid character \"\(character)\" in \"worker_cpu_affinity\"", at: word)
            }
            processor += 1
        }
        return set
    }

    static func threadPool(
        _ invocation: inout Invocation, known: [ThreadPool]
    ) throws(ConfigurationError) -> ThreadPool {
        let name = invocation[0]
        if known.contains(where: { $0.name == name }) {
            throw invocation.fail("duplicate thread pool \"\(name)\"")
        }
        var pool = ThreadPool(name: name, threads: 0, longestQueue: ThreadPool.standard.longestQueue)
        for word in invocation.arguments.dropFirst() {
            if word.value.hasPrefix("threads=") {
                guard let count = Units.number(word.value.slice(8..<word.value.count)), count > 0
                else { throw invocation.fail("invalid threads value \"\(word.text)\"", at: word) }
                pool.threads = count
            } else if word.value.hasPrefix("max_queue=") {
                guard let count = Units.number(word.value.slice(10..<word.value.count)) else {
                    throw invocation.fail("invalid max_queue value \"\(word.text)\"", at: word)
                }
                pool.longestQueue = count
            }
            // nginx passes over what it does not know here.
        }
        if pool.threads == 0 {
            throw invocation.fail("\"\(invocation.name)\" must have \"threads\" parameter")
        }
        return pool
    }
}
