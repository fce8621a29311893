@testable import ApusServer

/// Certificates for tests, good for a hundred years and trusted by nobody.
enum TestCertificate {
    /// For localhost and *.example.com, P-256.
    static let ecdsa = String(describing: FuzzedCertificate.certificate)
    static let ecdsaKey = String(describing: FuzzedCertificate.key)
    /// For rsa.example, 2048 bits.
    static let rsa = """
        -----BEGIN CERTIFICATE-----
        MIIDDzCCAfegAwIBAgIUA18U2YGzEk2L5Jt+VBM71bbn8YUwDQYJKoZIhvcNAQEL
        BQAwFjEUMBIGA1UEAwwLcnNhLmV4YW1wbGUwIBcNMjYxMTI4MTQ0NjIyWhgPMjEy
        NjExMDQxNDQ2MjJaMBYxFDASBgNVBAMMC3JzYS5leGFtcGxlMIIBIjANBgkqhkiG
        9w0BAQEFAAOCAQ8AMIIBCgKCAQEAmNX4eQ2IuaaRRn8ITKNuXssYi7s8igi30EAF
        5xBQNpnm3t7kCh9N+ljTNeFe4EBFbt5buvSTg+LZ6kKrjIo/+wXI8E8IC8gjXH9S
        qWS2BMRl1EiAXnDCsdpou+vknlqtQb1uVqBZH5xdbin82CF3SeSkjhDQmClBkfc9
        9ZhavxP5CO7hEXIfmDgcDf27peQA/D2B7Cl2TYsv0/J40jSwsNjVXFBANdeGS7aD
        RYauRdGXsO4xK5Spv7jPVI6luDfviR7SMbISMHV7s+9ctHOS53abEcFrG9gISRk5
        bZsKZO1FqhoN/2wZyLPslnhwr0PcZVE4mqeGEC8DCg2SfZx2ewIDAQABo1MwUTAd
        BgNVHQ4EFgQUg2iOo9y3H+edp2wWByhoLSj4u94wHwYDVR0jBBgwFoAUg2iOo9y3
        H+edp2wWByhoLSj4u94wDwYDVR0TAQH/BAUwAwEB/zANBgkqhkiG9w0BAQsFAAOC
        AQEAEQIMWWM11FkIKgQ0Y/cw1LiTih4icLGId1/ZxYT9n7M17G30P7vDM0H97nHz
        z4mopUG8Lxg03Lhp5lvdlGy2UAziDwbSHhBI11nXBcUB5vLOlQm0Zpj7T0Gnzg21
        02F4iHwUJAFIhfoyjqTcuqaWGB1XerwC4AXXH/RGKi3rjrwqB27wgUjK9tMW6H2v
        rwRKAx8wlKVhbVSlopzsXSpsGd2lTutmySojT4sr2dB14l79Y6CMfRUJIR2NjZoc
        WngD6JaUiKrtW5CrPqaPWb5hjkVwuc7y+tDOCXeWxt1Jqq2CsZ44CTWCC6E/qKJt
        V0Mva1jJLuBuhmwzxIA4aPReHA==
        -----END CERTIFICATE-----
        """
    static let rsaKey = """
        -----BEGIN PRIVATE KEY-----
        MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQCY1fh5DYi5ppFG
        fwhMo25eyxiLuzyKCLfQQAXnEFA2mebe3uQKH036WNM14V7gQEVu3lu69JOD4tnq
        QquMij/7BcjwTwgLyCNcf1KpZLYExGXUSIBecMKx2mi76+SeWq1BvW5WoFkfnF1u
        KfzYIXdJ5KSOENCYKUGR9z31mFq/E/kI7uERch+YOBwN/bul5AD8PYHsKXZNiy/T
        8njSNLCw2NVcUEA114ZLtoNFhq5F0Zew7jErlKm/uM9UjqW4N++JHtIxshIwdXuz
        71y0c5LndpsRwWsb2AhJGTltmwpk7UWqGg3/bBnIs+yWeHCvQ9xlUTiap4YQLwMK
        DZJ9nHZ7AgMBAAECggEACNJ5GEu+s7C4vBADI6FfcptYnGA/e1xLd/rqHE9lwfEa
        UY0eLrNl5eiQsJCE0H8FQwQU2XLavQcwOwSEMIWecdgApFZ7iWqRF/rFg7+rfhT0
        J8/TkSADLQ8FcquIM9faHmxX3So+WsPE5OIJlVRBNYO8N/Mih1YCUfGqou2bd2IR
        7Hzx5gPm/i0SQficzNnMRODmLC/q+aSYaX6tQpP4j67NdY/q3nGpxoT2vjbbPoPk
        qKSxn79QZGND/bWNdoOyZ7yQke2TWRl0KdLAzUODB/vW8BxSt+NPAiED42xrM9Ne
        v+LBWXTZthX/GwYcVGaCW1IQLGtHiGw6w4CbF4iR+QKBgQDIcdSSws+64gUd9R3T
        GRp84+PC57mme9zvbfXYgwrki8bNUFzQXDx9lAdHMP8STncW6iwT076FYxpjYE+3
        JA4DqAmLapCUSCpDsySja18+czQq3qfS/Oz2L1PjnIYJTierHDAZaVJOzUI8Sv6T
        vHXBKPxOvtXJpxrgIkzUGQEjTQKBgQDDMiVyCkzJ8UWSoeri+DVgLwJPwpYrnGKG
        F/S5qy4vx7ovRXIn5CBU1dDZeKR5Sx8CIJoJAwx4+I5s+Io9AU54Idiwpl496ZfO
        AuU1ZKsDfGOI5ye/wwTcRcFovCafwuN5t24ImkhoL8YPxwdoP7DA5/wpxnjjEiMl
        kAas7KYM5wKBgQCpMvVGoW2qiknZfOSdIi6qx8+l4edjsmDQN1j0V8GlJJw/CZwf
        QgzJ0F/IZ4KY2GVMkYV9gxrrC7nlsxH3PVcbHQhZiC3dDYGnvhuqWuN+Gs8pdOPj
        hR8dvNuqYaD/T9rKZLPxb2dMH5XOwVteKBKaZ9d7PTnHy+gy1KFX1HeSbQKBgQC0
        FVykpMoJeXX1fTrGIbakwVoBmgWPwJzJF+rpLPvUixDDse9KzFXjzsv7Bym+2caG
        4Osbq1tjc/V6paZr9/ucK6XN+/9wYUVzhApRQ0nfUnBGCvUKHvMqAZUZepSrylKx
        pcB3YVex/3lcbwPvcuswXhavt/Mpkz8n1YPDICVmOwKBgBrQMACaH/+yXirpnXDl
        ewe0VvsBpQb0gYBaD82yR4CUmXkcMFsgT337iumOZj1VU1PZa7qjAIJY1GK6dlng
        l05/Y7cXgNTCIVuAR8+xbqHGxrCJMpP8PU2kEjT2oRMUw07eYx9jnLvusZRRGZ4t
        g8p5noCk6/PdshXJ/E+nAJ/j
        -----END PRIVATE KEY-----
        """
    /// For brainpool.example, on a curve that TLS 1.3 has no signature for.
    static let brainpool = """
        -----BEGIN CERTIFICATE-----
        MIIBkDCCATagAwIBAgIUCJQwLmpBkNpY9noilnGuOATHz04wCgYIKoZIzj0EAwIw
        HDEaMBgGA1UEAwwRYnJhaW5wb29sLmV4YW1wbGUwIBcNMjYxMTI5MTQ0NDE0WhgP
        MjEyNjExMDUxNDQ0MTRaMBwxGjAYBgNVBAMMEWJyYWlucG9vbC5leGFtcGxlMFow
        FAYHKoZIzj0CAQYJKyQDAwIIAQEHA0IABDmwRp2xlWPqIfD09ajuy3Gu4fcY4Wga
        C4jDyxJMUsTgFINOBLwPN5Lz1Tp93XXvVMYVpOsoxKV0xaelnhj9KW2jUzBRMB0G
        A1UdDgQWBBTcNsd6Yx+g9uJO7M+jglk1LS4jjTAfBgNVHSMEGDAWgBTcNsd6Yx+g
        9uJO7M+jglk1LS4jjTAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUC
        IQChnko547iCmh5Z/ingSZ8pUmoSZTkk+llfkcNklBrB7AIgJ+ObFBJ5rdk5yx94
        WEvv8ladcd0FZ1i0fBImjUi/EIU=
        -----END CERTIFICATE-----
        """
    static let brainpoolKey = """
        -----BEGIN PRIVATE KEY-----
        MIGIAgEAMBQGByqGSM49AgEGCSskAwMCCAEBBwRtMGsCAQEEIJ3WUP4Y2zfuvMw+
        1rnqLx1iY/g07ecLKodfcheDPj5WoUQDQgAEObBGnbGVY+oh8PT1qO7Lca7h9xjh
        aBoLiMPLEkxSxOAUg04EvA83kvPVOn3dde9UxhWk6yjEpXTFp6WeGP0pbQ==
        -----END PRIVATE KEY-----
        """
}
