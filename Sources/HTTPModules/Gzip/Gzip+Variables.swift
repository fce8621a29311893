extension Gzip {
    static func declareVariables(
        in registry: VariableRegistry
    ) throws(ConfigurationError) {
        // The size before compression by that after it, rounded to two decimals.
        try registry.declareValue("gzip_ratio", .noHash) { request, out in
            guard let filter = request.state(.gzip, as: GzipFilter.self), filter.bytesOut > 0
            else { return false }
            let hundredths = (filter.bytesIn * 1_000 / filter.bytesOut + 5) / 10
            out.append(decimal: hundredths / 100)
            out.append(ASCII.dot)
            out.append(decimal: hundredths % 100, width: 2)
            return true
        }
    }
}
