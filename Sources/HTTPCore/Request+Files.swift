extension Request {
    /// Appends the file name that the path stands for by `root` or `alias`; false, and a message in the log, if there is none.
    @discardableResult
    func appendFilePath(to output: Buffer) -> Bool {
        guard appendRoot(to: output) != nil else { return false }
        guard lendLocation({ $0.core.value.alias != nil }), !routing.addsPathToAlias else {
            output.append(path)
            return true
        }
        let path = routing.path
        // In a regular expression's location the alias names the whole file.
        if location.isRegexOrWithin { return true }
        let name = location.aliasedLength
        if path.count > name { output.append(path, name..<path.count) }
        return true
    }

    /// Appends what `root` or `alias` says, and returns its length; nil if an alias does not know what part of the path it
    /// stands for.
    func appendRoot(to output: Buffer) -> Int? {
        lendLocation { appendRoot(to: output, $0.core) }
    }

    private func appendRoot(to output: Buffer, _ settings: Box<CoreSettings>) -> Int? {
        let start = output.count
        guard let alias = settings.value.alias else {
            settings.value.root.append(to: output, scope: self)
            return output.count - start
        }
        guard routing.isLocationMatched else {
            log(.alert) {
                $0.append("\"alias\" cannot be used in location \"")
                $0.append(location.name)
                $0.append("\" where URI was rewritten")
            }
            return nil
        }
        alias.append(to: output, scope: self)
        return output.count - start
    }
}

extension Location {
    /// The alias is a regular expression's: nothing of the path is added.
    var isRegexOrWithin: Bool {
        var current: Location? = self
        while let location = current {
            if location.setsAlias { return location.isRegex }
            current = location.parent
        }
        return isRegex
    }

    /// Bytes of the path that the alias replaces: the name of the location that sets it.
    var aliasedLength: Int {
        var current: Location? = self
        while let location = current {
            if location.setsAlias { return location.name.count }
            current = location.parent
        }
        return name.count
    }
}
