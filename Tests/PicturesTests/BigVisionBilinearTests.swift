import Pictures
import TestSupport
import Testing

@Suite("Resizing equals TensorFlow's bilinear to the bit")
struct BigVisionBilinearTests {
    // Digests of TensorFlow 2.21: tf.cast(tf.clip_by_value(tf.image.resize(x, (s, s), antialias=a), 0, 255), tf.uint8).
    @Test(
        "Generated pictures become the known squares",
        arguments: [
            (
                37, 23, 14, "1d7c2545b56f0b9d4ce4e4e31c629657c9cd496e01c5bba70f1d30f8775a68aa",
                "4eb5c5c9c88a2fcbcf59edfd29ca485449aa5cb682cbb5cffecc92054a81f65a"
            ),
            (
                100, 50, 28, "4716b614bdeb1b70765d6665e01888c6ed1b51dec0359c792ee0766a3ff12539",
                "87274ba2620f67a1b381948f533d2f8ded794ee230c28d1a9330e4045aa6da2d"
            ),
            (
                9, 61, 56, "95088b5e815ecfd56991dd614c5e69818548d1541993b214f09ab4a13bd6b1c6",
                "3a05d748ebb81f1f5f12876d73774381e6172096274773538cbd3408e4b7b3c0"
            ),
            (
                320, 240, 112, "715066947cb0135c51142cb5a5253a11873ef716d2603d1b72fe68ae577ea2ca",
                "d6273b717fbff9c71c697e8f5a11e43a3f24c7dfefaa670950bcfbeda4895c53"
            ),
            (
                333, 777, 70, "f40400e3407093f9b0c07621fcab7d226ea92f0632d08ebe1da0bd274cc0498c",
                "93d7138386a5c847ef2d078e373b63c7a0c61eab805cd55f887d3107c19aeea9"
            ),
            (
                1, 1, 14, "282ba19bd8332ebd10c9754e91e91c863559a766a591dd223554206181a698da",
                "22b7e5be702935f04dd6ace8312a3aef8f09976c1143384d1efde62534872fd8"
            ),
            (
                2, 3, 28, "d6a50ef062dc567f01483beb469913a302c80e2f9b8a04cc8ad10ff6b03ff91e",
                "4d7ba4acfdd4af276e28b84a305ce498a46cf350af753f9c7d93d56162d470fe"
            ),
            (
                448, 224, 112, "64cbe838869741189001e179be2c5ea9ce7e98f2cebd7aedd2e60e436eac1e07",
                "3e4a6c011acfd90b9c15a0ecd81b63b5551263ff5fbef7c8fcc08ab34692c115"
            ),
            (
                1000, 30, 14, "3c4362a2183232b63d5a83d703110b71362d619684122db82938de6d64530eb7",
                "ee35b1d427e9655e5d1015a734a740fb28477b277c9f063e4ca5d7c326de9944"
            ),
        ])
    func squares(width: Int, height: Int, side: Int, plain: String, antialiased: String) {
        let picture = generatedPicture(width: width, height: height)
        let four = BigVisionBilinear.resize(picture, toSide: side, antialias: false)
        #expect(SHA256.hexadecimal(of: four.pixels) == plain)
        let all = BigVisionBilinear.resize(picture, toSide: side, antialias: true)
        #expect(SHA256.hexadecimal(of: all.pixels) == antialiased)
    }

    // Weights whose sum is a little below 1 take one off a third of the pixels: it is cut, not rounded.
    @Test(
        "An even picture is as uneven as TensorFlow makes it",
        arguments: [
            (127 as UInt8, "7e7f876fab838a263a7032664dfad4c34fc1ce8a72c35babbf8bb2df6a09aa28"),
            (255, "f7404ef61a2d7398bbefd521a32d3398cfc19f21082188d463a19179474fbaca"),
        ])
    func even(sample: UInt8, digest: String) {
        let picture = RGBImage(
            width: 333, height: 777, pixels: [UInt8](repeating: sample, count: 333 * 777 * 3))
        let square = BigVisionBilinear.resize(picture, toSide: 70, antialias: true)
        #expect(SHA256.hexadecimal(of: square.pixels) == digest)
    }
}
