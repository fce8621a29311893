extension AuthRequest {
    static var rows: [Row] {
        [
            .value(
                "auth_request", in: .request, .one, slot, \.uri,
                "The URI that is asked whether requests are let in: 2xx lets them in, 401 and 403 refuse them.",
                syntax: "uri | off"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                invocation[0] == "off" ? .empty : invocation[0]
            },
            .list(
                "auth_request_set", in: .request, .two, slot, \.variables,
                "A variable that is set when the subrequest is answered; its value may use those of the answer.",
                syntax: "$variable value"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                let word = invocation.arguments[0]
                let registry = try invocation.http().registry
                let variable = try registry.declareSettable(
                    try registry.declaredName(word), at: word.position)
                return [(variable, try invocation.template(invocation.arguments[1]))]
            },
        ]
    }
}
