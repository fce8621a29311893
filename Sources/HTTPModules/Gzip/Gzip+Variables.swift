extension Gzip {
    static func declareVariables(
        in registry: VariableRegistry
    ) throws(ConfigurationError) {
        // The size before compression by that after it, rounded to two decimals.
        try registry.declareValue("gzip_ratio", .noHash) { request, out in
            guard let hundredths = request.response.kept?.ratio ?? request.state(.gzip, as: CompressionFilter.self)?.ratio
            else { return false }
            out.append(decimal: hundredths / 100)
            out.append(ASCII.dot)
            out.append(decimal: hundredths % 100, width: 2)
            return true
        }
    }
}
