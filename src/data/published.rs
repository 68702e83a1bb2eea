//! Checksums of data sets as published.

/// SHA-256 of unpacked files: packed anew, copies differ in the gzip file but not in this.
///
/// The authors published MD5 sums of the packed files, or none; these are from independent projects that agree, some of
/// them noting which packed file they unpacked: the one on yann.lecun.com (SHA-256 440fcabf... for the training images,
/// as TensorFlow Datasets lists it too), and the one whose MD5 the Fashion-MNIST repository gives.
const PUBLISHED: &[(&str, &str)] = &[
    ("ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", "MNIST training images"),
    ("65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", "MNIST training labels"),
    ("0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", "MNIST test images"),
    ("ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", "MNIST test labels"),
    ("c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888", "Fashion-MNIST training images"),
    ("bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9", "Fashion-MNIST training labels"),
    ("5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b", "Fashion-MNIST test images"),
    ("0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34", "Fashion-MNIST test labels"),
];

/// The published file whose unpacked content has this SHA-256, if it is known.
pub fn published(sha256: &str) -> Option<&'static str> {
    PUBLISHED.iter().find(|(known, _)| *known == sha256).map(|&(_, what)| what)
}
