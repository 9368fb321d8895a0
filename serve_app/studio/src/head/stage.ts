/** Where the head stands: light, camera, and the hand that turns it. Draws only when something has changed. */
import {
  ACESFilmicToneMapping,
  BackSide,
  BoxGeometry,
  Color,
  DirectionalLight,
  HemisphereLight,
  Mesh,
  MeshBasicMaterial,
  PCFShadowMap,
  PerspectiveCamera,
  PMREMGenerator,
  Scene,
  SphereGeometry,
  Vector3,
  WebGLRenderer,
} from "three";
import type { Rig } from "./rig";

const VIEW = { yaw: 0.17, pitch: 0.03, zoom: 1 };
const TURN = Math.PI / 24;

export class Stage {
  private readonly renderer: WebGLRenderer;
  private readonly scene = new Scene();
  private readonly camera = new PerspectiveCamera(22, 1, 0.01, 100);
  private readonly key = new DirectionalLight(0xfff1e2, 2.5);
  private view = { ...VIEW };
  private rig: Rig | null = null;
  private wanted = 0;

  /** Throws where the browser has no WebGL 2. */
  constructor(
    private readonly canvas: HTMLCanvasElement,
    area: HTMLElement,
  ) {
    this.renderer = new WebGLRenderer({ canvas, alpha: true, antialias: true });
    this.renderer.toneMapping = ACESFilmicToneMapping;
    this.renderer.toneMappingExposure = 1.0;
    this.renderer.shadowMap.enabled = true;
    this.renderer.shadowMap.type = PCFShadowMap;
    this.light();
    this.hold(area);
    new ResizeObserver(() => this.resize()).observe(canvas);
    canvas.addEventListener("webglcontextrestored", () => this.draw());
  }

  show(rig: Rig): void {
    if (this.rig) {
      this.scene.remove(this.rig.object);
      this.rig.dispose();
    }
    this.rig = rig;
    this.scene.add(rig.object);
    const size = rig.box.getSize(new Vector3()).y;
    const shadow = this.key.shadow.camera;
    shadow.left = shadow.bottom = -0.75 * size;
    shadow.right = shadow.top = 0.75 * size;
    shadow.near = 0.1 * size;
    shadow.far = 8 * size;
    this.key.shadow.normalBias = 0.006 * size;
    shadow.updateProjectionMatrix();
    this.key.position.set(-0.5, 0.62, 0.8).multiplyScalar(3 * size);
    this.draw();
  }

  pose(weights: ArrayLike<number>, head: ArrayLike<number> | null): void {
    this.rig?.pose(weights, head);
    this.draw();
  }

  /** Asks for a picture in the next frame of the screen, once. */
  draw(): void {
    this.wanted ||= requestAnimationFrame(() => {
      this.wanted = 0;
      this.render();
    });
  }

  private render(): void {
    if (!this.rig) return;
    const { min, max } = this.rig.box;
    const size = max.y - min.y;
    const middle = min.y + 0.535 * size;
    const aspect = this.camera.aspect;
    // The head fills nine tenths of the height, or of a narrow window's width.
    const reach = (0.5 * size) / 0.93 / Math.min(1, aspect * 1.12) / this.view.zoom;
    const distance = reach / Math.tan((this.camera.fov * Math.PI) / 360) + 0.3 * (max.z - min.z);
    const { yaw, pitch } = this.view;
    this.camera.position
      .set(Math.sin(yaw) * Math.cos(pitch), Math.sin(pitch), Math.cos(yaw) * Math.cos(pitch))
      .multiplyScalar(distance)
      .add(new Vector3(0, middle, 0));
    this.camera.lookAt(0, middle, 0);
    this.camera.near = 0.1 * distance;
    this.camera.far = 4 * distance;
    this.camera.updateProjectionMatrix();
    this.renderer.render(this.scene, this.camera);
  }

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !height) return;
    this.renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    this.render();
  }

  /** A large soft key from the left, a cool fill, a rim from behind; their soft boxes are what eyes reflect. */
  private light(): void {
    this.key.castShadow = true;
    this.key.shadow.mapSize.set(1024, 1024);
    this.key.shadow.radius = 5;
    this.key.shadow.intensity = 0.62;
    this.key.shadow.bias = -0.0006;
    const fill = new DirectionalLight(0xcfdcf2, 0.55);
    fill.position.set(0.9, 0.1, 0.6);
    const rim = new DirectionalLight(0xe6eeff, 1.5);
    rim.position.set(0.75, 0.65, -0.9);
    const kicker = new DirectionalLight(0xffe4cf, 0.55);
    kicker.position.set(-0.9, 0.2, -0.7);
    const eyes = new DirectionalLight(0xffffff, 0.4); // near the camera and without shadow: what eyes catch
    eyes.position.set(-0.34, 0.24, 1);
    this.scene.add(this.key, fill, rim, kicker, eyes, new HemisphereLight(0xf2f4f8, 0x6b5a50, 0.55));
    const generator = new PMREMGenerator(this.renderer);
    this.scene.environment = generator.fromScene(softBoxes(), 0, 0.1, 100, { size: 128 }).texture;
    this.scene.environmentIntensity = 0.5;
    generator.dispose();
  }

  /** Drag turns, wheel and two fingers zoom, arrows, plus, minus and 0 do the same by keys. */
  private hold(area: HTMLElement): void {
    const fingers = new Map<number, { x: number; y: number }>();
    const apart = () => {
      const [a, b] = [...fingers.values()];
      return Math.hypot(a.x - b.x, a.y - b.y);
    };
    area.addEventListener("pointerdown", (event) => {
      if (event.target !== this.canvas) return;
      fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      this.canvas.setPointerCapture(event.pointerId);
    });
    area.addEventListener("pointermove", (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) return;
      const spread = fingers.size === 2 ? apart() : 0;
      fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      if (fingers.size === 2) this.zoomBy(apart() / spread);
      else this.turnBy((before.x - event.clientX) * 0.008, (event.clientY - before.y) * 0.008);
    });
    for (const end of ["pointerup", "pointercancel"] as const) {
      area.addEventListener(end, (event) => fingers.delete(event.pointerId));
    }
    area.addEventListener(
      "wheel",
      (event) => {
        if (event.target !== this.canvas) return;
        event.preventDefault();
        this.zoomBy(Math.exp(-event.deltaY * 0.0012));
      },
      { passive: false },
    );
    area.addEventListener("dblclick", (event) => event.target === this.canvas && this.reset());
    area.addEventListener("keydown", (event) => {
      if (event.target !== area || event.ctrlKey || event.metaKey || event.altKey) return;
      const acts: Record<string, () => void> = {
        ArrowLeft: () => this.turnBy(-TURN, 0),
        ArrowRight: () => this.turnBy(TURN, 0),
        ArrowUp: () => this.turnBy(0, TURN),
        ArrowDown: () => this.turnBy(0, -TURN),
        "+": () => this.zoomBy(1.15),
        "=": () => this.zoomBy(1.15),
        "-": () => this.zoomBy(1 / 1.15),
        "0": () => this.reset(),
      };
      if (!acts[event.key]) return;
      event.preventDefault();
      acts[event.key]();
    });
  }

  private turnBy(yaw: number, pitch: number): void {
    this.view.yaw += yaw;
    this.view.pitch = Math.min(Math.max(this.view.pitch + pitch, -1.2), 1.2);
    this.draw();
  }

  private zoomBy(factor: number): void {
    this.view.zoom = Math.min(Math.max(this.view.zoom * factor, 0.5), 6);
    this.draw();
  }

  private reset(): void {
    this.view = { ...VIEW };
    this.draw();
  }
}

/** A dim room with bright panels, for reflections. */
function softBoxes(): Scene {
  const scene = new Scene();
  scene.add(new Mesh(new SphereGeometry(20, 16, 12), new MeshBasicMaterial({ color: 0x4a4d54, side: BackSide })));
  const panel = (width: number, height: number, place: [number, number, number], colour: number, strength: number) => {
    const material = new MeshBasicMaterial({ color: new Color(colour).multiplyScalar(strength) });
    const box = new Mesh(new BoxGeometry(width, height, 0.1), material);
    box.position.set(...place);
    box.lookAt(0, 0, 0);
    scene.add(box);
  };
  panel(5, 6, [-5, 5.5, 7], 0xfff2e4, 11);
  panel(2.5, 7, [8, 1, 4], 0xd6e4ff, 3.5);
  panel(9, 1.5, [0, 8, -6], 0xe8f0ff, 7);
  panel(12, 4, [0, -9, 3], 0xffe6d5, 0.9);
  return scene;
}
