/// The environment that workers, and the next binary, are given.
enum WorkerEnvironment {
    /// The variables that `env` directives keep or set, and TZ, which is always kept.
    static func entries(_ wanted: [ByteString]) -> [String] {
        let present = Process.environment
        var wanted = wanted
        if !wanted.contains(where: { $0 == "TZ" || $0.hasPrefix("TZ=") }) { wanted.append("TZ") }
        return wanted.compactMap { entry in
            let text = entry.text
            if text.contains("=") { return text }
            return present.first { $0.hasPrefix(text + "=") }
        }
    }
}
