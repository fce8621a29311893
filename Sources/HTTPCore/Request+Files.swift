extension Request {
    /// Appends the file name that the path stands for by `root` or `alias`.
    ///
    /// - Returns: the number of bytes that come from `root` or `alias`.
    @discardableResult
    func appendFilePath(to output: Buffer) -> Int {
        let start = output.count
        let settings = core
        let path = routing.path
        guard let alias = settings.value.alias else {
            settings.value.root.append(to: output, scope: self)
            let rootLength = output.count - start
            output.append(path)
            return rootLength
        }
        alias.append(to: output, scope: self)
        let rootLength = output.count - start
        // In a regular expression's location the alias names the whole file.
        if !location.isRegexOrWithin {
            let name = location.aliasedLength
            if path.count > name { output.append(path, name..<path.count) }
        }
        return rootLength
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
