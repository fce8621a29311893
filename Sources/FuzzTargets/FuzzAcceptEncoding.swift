/// Checks what is made of `Accept-Encoding`: what stands before in a word of its own changes nothing, nor does what stands behind one
/// that is through, and a coding that was refused or accepted first stays so. Traps if something does not hold.
public func fuzzAcceptEncoding(_ input: [UInt8]) {
    let alone = input.span.acceptedCodings
    let behind = Array("identity;q=0.5, ".utf8) + input
    require(behind.span.acceptedCodings == alone)
    for coding in ContentCoding.allCases {
        let name = Array(copying: coding.token.bytes)
        // A word that begins with a name needs its bytes to be there.
        if alone.contains(coding) { require(input.count >= name.count) }
        let refused = name + Array(";q=0, ".utf8) + input
        let accepted = name + Array(";q=0.1, ".utf8) + input
        require(!refused.span.acceptedCodings.contains(coding))
        require(accepted.span.acceptedCodings.contains(coding))
        require(refused.span.acceptedCodings.union(ContentCodings(coding)) == alone.union(ContentCodings(coding)))
    }
}
