use super::*;

fn source(array: &Array) -> Source<'_> {
    Source { path: Path::new("file"), what: "training images", array }
}

fn floats(shape: &[u64], values: impl IntoIterator<Item = f32>) -> Array {
    let data = values.into_iter().flat_map(f32::to_le_bytes).collect();
    Array::new(ElementType::parse("<f4").unwrap(), shape, data).unwrap()
}

#[test]
fn every_byte_comes_back_from_either_scale() {
    for (divisor, expected) in [(255.0, Scale::By255), (256.0, Scale::By256)] {
        let array = floats(&[1, 16, 16], (0..=255_u8).map(|byte| f32::from(byte) / divisor));
        let (images, scale) = images(&[source(&array)]).unwrap();
        assert_eq!((images[0].size, scale), ((16, 16), expected));
        assert_eq!(images[0].bytes, (0..=255).collect::<Vec<_>>());
    }
}

#[test]
fn the_scale_is_one_for_all_splits() {
    let dark = floats(&[1, 1, 2], [0.0, 3.0 / 256.0]); // fits both, so nearly that only the other split tells
    let bright = floats(&[1, 1, 2], [0.0, 255.0 / 256.0]);
    let (_, scale) = images(&[source(&dark), source(&bright)]).unwrap();
    assert_eq!(scale, Scale::By256);
    let white = floats(&[1, 1, 2], [0.0, 1.0]); // rules out 256
    let gray = floats(&[1, 1, 1], [0.5]); // rules out 255
    assert!(images(&[source(&white), source(&gray)]).is_err());
}

#[test]
fn values_that_are_no_bytes_are_refused_with_their_place() {
    for wrong in [f32::NAN, f32::INFINITY, -0.1, 1.2, 2.0, 0.5, 100.0] {
        let array = floats(&[2, 1, 2], [0.0, 1.0, 0.2, wrong]);
        let message = images(&[source(&array)]).map(|_| ()).unwrap_err().to_string();
        let found = format!("found {wrong} at image 1, pixel 1");
        assert!(
            message.starts_with("file: training images: expected byte / 255") && message.contains(&found),
            "{message}"
        );
    }
}

#[test]
fn shapes_that_are_no_images_are_refused() {
    for shape in [&[6][..], &[2, 3], &[0, 4], &[1, 0, 6], &[1, 2, 1, 3]] {
        let array = floats(shape, vec![0.0; shape.iter().product::<u64>() as usize]);
        assert!(images(&[source(&array)]).is_err(), "{shape:?}");
    }
}

#[test]
fn a_shape_that_does_not_fit_its_bytes_or_overflows_is_no_array() {
    let byte = ElementType::parse("|u1").unwrap();
    assert!(Array::new(byte, &[2, 3], vec![0; 5]).is_none());
    assert!(Array::new(byte, &[1 << 40], Vec::new()).is_none());
    assert!(Array::new(byte, &[1 << 40, 1 << 40], Vec::new()).is_none());
    assert!(Array::new(byte, &[1; 5], vec![0]).is_none());
}

#[test]
fn labels_of_every_integer_type_and_byte_order_are_read() {
    let cases: [(&str, &[u8]); 6] = [
        ("|u1", &[3, 0]),
        ("|i1", &[3, 0]),
        ("<i2", &[3, 0, 0, 0]),
        (">i4", &[0, 0, 0, 3, 0, 0, 0, 0]),
        ("<i8", &[3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        (">u8", &[0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0]),
    ];
    for (name, data) in cases {
        let array = Array::new(ElementType::parse(name).unwrap(), &[2], data.to_vec()).unwrap();
        assert_eq!(source(&array).labels().unwrap(), [3, 0], "{name}");
    }
    let negative = Array::new(ElementType::parse("|i1").unwrap(), &[2], vec![0, 255]).unwrap();
    let message = source(&negative).labels().unwrap_err().to_string();
    assert!(message.contains("labels from 0 to 255, found -1 at image 1"), "{message}");
    assert!(source(&floats(&[1], [1.0])).labels().is_err());
}
