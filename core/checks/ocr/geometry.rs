//! Points, and rectangles that may be turned.

/// A place on the picture, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// From the left.
    pub x: f32,
    /// From the top.
    pub y: f32,
}

impl Point {
    pub(super) const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    fn minus(self, other: Self) -> Self {
        Self::new(self.x - other.x, self.y - other.y)
    }

    /// This far along a direction.
    pub(super) fn along(self, direction: Self, far: f32) -> Self {
        Self::new(direction.x.mul_add(far, self.x), direction.y.mul_add(far, self.y))
    }

    pub(super) fn dot(self, other: Self) -> f32 {
        self.x.mul_add(other.x, self.y * other.y)
    }

    fn cross(self, other: Self) -> f32 {
        self.x.mul_add(other.y, -self.y * other.x)
    }

    pub(super) fn length(self) -> f32 {
        self.x.hypot(self.y)
    }
}

/// A rectangle around a line of text; `along` is the direction in which it is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TurnedRect {
    /// Its middle.
    pub centre: Point,
    /// The direction of reading, of length 1.
    pub along: Point,
    /// Along the line.
    pub width: f32,
    /// Across the line.
    pub height: f32,
}

impl TurnedRect {
    /// The direction from the top of the letters to their foot.
    pub(super) const fn down(&self) -> Point {
        Point::new(-self.along.y, self.along.x)
    }

    /// The corners, clockwise from where the line starts at its top.
    #[must_use]
    pub fn corners(&self) -> [Point; 4] {
        let (half, tall) = (self.width / 2.0, self.height / 2.0);
        let at = |x: f32, y: f32| self.centre.along(self.along, x).along(self.down(), y);
        [at(-half, -tall), at(half, -tall), at(half, tall), at(-half, tall)]
    }

    /// Grown by this many pixels at each end and on each side.
    pub(super) fn grown(mut self, ends: f32, sides: f32) -> Self {
        self.width = 2.0f32.mul_add(ends, self.width).max(1.0);
        self.height = 2.0f32.mul_add(sides, self.height).max(1.0);
        self
    }

    /// Turned about its middle, clockwise as seen on the picture.
    pub(super) fn turned(mut self, degrees: f32) -> Self {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let Point { x, y } = self.along;
        self.along = Point::new(x.mul_add(cos, -y * sin), x.mul_add(sin, y * cos));
        self
    }

    /// A part of it: between two shares of its width.
    pub(super) fn part(mut self, from: f32, to: f32) -> Self {
        let middle = f32::midpoint(from, to) - 0.5;
        self.centre = self.centre.along(self.along, middle * self.width);
        self.width = ((to - from) * self.width).max(1.0);
        self
    }

    /// Multiplied from one picture's pixels to another's.
    pub(super) fn scaled(self, across: f32, down: f32) -> Self {
        let [a, b, c, d] = self.corners().map(|p| Point::new(p.x * across, p.y * down));
        let top = b.minus(a);
        let side = d.minus(a);
        let width = top.length().max(1e-3);
        let centre = Point::new((a.x + c.x) / 2.0, (a.y + c.y) / 2.0);
        let along = Point::new(top.x / width, top.y / width);
        Self { centre, along, width, height: side.length().max(1e-3) }
    }

    /// Moved to the right and down.
    pub(super) fn shifted(mut self, by: f32) -> Self {
        self.centre = Point::new(self.centre.x + by, self.centre.y + by);
        self
    }

    pub(super) fn area(&self) -> f32 {
        self.width * self.height
    }

    /// The upright rectangle around it: left, top, right, bottom.
    #[must_use]
    pub fn extent(&self) -> [f32; 4] {
        let start = [f32::MAX, f32::MAX, f32::MIN, f32::MIN];
        self.corners().iter().fold(start, |[left, top, right, bottom], p| {
            [left.min(p.x), top.min(p.y), right.max(p.x), bottom.max(p.y)]
        })
    }

    /// Whether a point lies in it.
    pub(in crate::checks) fn contains(&self, point: Point) -> bool {
        let off = point.minus(self.centre);
        off.dot(self.along).abs() <= self.width / 2.0 + 1e-4
            && off.dot(self.down()).abs() <= self.height / 2.0 + 1e-4
    }

    /// Read along the side that people would: nearly level lines from the left, tall boxes from the top.
    pub(super) fn upright(self, tall: f32) -> Self {
        // The four ways to name the sides of the same rectangle.
        let quarter = |rect: Self| Self {
            centre: rect.centre,
            along: rect.down(),
            width: rect.height,
            height: rect.width,
        };
        let mut level = self;
        for _ in 0..4 {
            if level.along.x >= level.along.y.abs() - 1e-6 && level.along.x > 0.0 {
                break;
            }
            level = quarter(level);
        }
        if level.height >= level.width * tall { quarter(level) } else { level }
    }
}

/// The corners of the smallest convex shape around points (Andrew's monotone chain).
pub(super) fn convex_hull(mut points: Vec<Point>) -> Vec<Point> {
    points.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)));
    points.dedup();
    if points.len() < 3 {
        return points;
    }
    let half = |list: &mut dyn Iterator<Item = Point>| {
        let mut chain: Vec<Point> = Vec::new();
        for point in list {
            while let [.., a, b] = chain.as_slice() {
                if b.minus(*a).cross(point.minus(*a)) > 0.0 {
                    break;
                }
                chain.pop();
            }
            chain.push(point);
        }
        chain.pop();
        chain
    };
    let mut hull = half(&mut points.iter().copied());
    hull.extend(half(&mut points.iter().rev().copied()));
    hull
}

/// The smallest rectangle around a convex hull: one of its sides lies on a side of the hull.
pub(super) fn smallest_rect(hull: &[Point]) -> Option<TurnedRect> {
    let first = *hull.first()?;
    let mut best: Option<TurnedRect> = None;
    let ends = hull.iter().skip(1).chain(std::iter::once(&first));
    for (a, b) in hull.iter().zip(ends) {
        let edge = b.minus(*a);
        let length = edge.length();
        let along = if length < 1e-6 {
            Point::new(1.0, 0.0)
        } else {
            Point::new(edge.x / length, edge.y / length)
        };
        let down = Point::new(-along.y, along.x);
        let span = |axis: Point| {
            hull.iter()
                .map(|p| p.dot(axis))
                .fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(v), high.max(v)))
        };
        let ((left, right), (top, bottom)) = (span(along), span(down));
        let (x, y) = (f32::midpoint(left, right), f32::midpoint(top, bottom));
        let centre = Point::new(0.0, 0.0).along(along, x).along(down, y);
        let rect = TurnedRect { centre, along, width: right - left, height: bottom - top };
        if best.as_ref().is_none_or(|best| rect.area() < best.area()) {
            best = Some(rect);
        }
    }
    best
}
