extension TLSModule {
    static func declareVariables(in registry: VariableRegistry) throws(ConfigurationError) {
    }
}
